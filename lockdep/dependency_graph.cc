#include "lockdep/dependency_graph.h"

#include <algorithm>
#include <utility>

namespace ring3::lockdep {

Result<DependencyGraph> DependencyGraph::create(const Limits& limits) {
  const size_t states = size_t{limits.classes} * 2;
  auto first_edge = LazyTable<uint32_t>::create(limits.classes);
  if (!first_edge) return first_edge.error();
  auto edges = LazyTable<DependencyEdge>::create(limits.edges);
  if (!edges) return edges.error();
  auto state_table = LazyTable<State>::create(states);
  if (!state_table) return state_table.error();
  auto queue = LazyTable<uint32_t>::create(states);
  if (!queue) return queue.error();
  auto path = LazyTable<const DependencyEdge*>::create(states);
  if (!path) return path.error();
  return DependencyGraph(Tables{std::move(*first_edge), std::move(*edges), std::move(*state_table),
                                std::move(*queue), std::move(*path)});
}

DependencyGraph::DependencyGraph(Tables tables)
    : first_edge_(std::move(tables.first_edge)),
      edges_(std::move(tables.edges)),
      states_(std::move(tables.states)),
      queue_(std::move(tables.queue)),
      path_(std::move(tables.path)) {}

bool DependencyGraph::has_edge(LockClassId from, LockClassId to, EdgeKind kind) const {
  for (uint32_t next = first_edge_[from.value()]; next != 0;) {
    const DependencyEdge& edge = edges_[next - 1];
    if (edge.to == to && edge.kind == kind) return true;
    next = edge.next_from_same;
  }
  return false;
}

bool DependencyGraph::add_edge(LockClassId from, LockClassId to, EdgeKind kind,
                               const StackTrace& trace) {
  DCHECK(from != to);
  DCHECK(!has_edge(from, to, kind));
  if (edge_count_ == capacity()) return false;
  edges_[edge_count_] = {from, to, kind, first_edge_[from.value()], trace};
  first_edge_[from.value()] = ++edge_count_;
  return true;
}

std::span<const DependencyEdge* const> DependencyGraph::find_closed_path(LockClassId first,
                                                                         LockClassId last,
                                                                         EdgeKind closing) {
  DCHECK(first != last);
  ++search_;
  queued_ = 0;
  const auto found = search(state_of(first, closing.awaits_recursively), last, closing.held_shared);
  if (!found) return {};

  // From the end back to the start, then turned round.
  size_t length = 0;
  for (uint32_t state = *found; states_[state].came_from != kStart;) {
    path_[length++] = &edges_[states_[state].edge];
    state = states_[state].came_from;
  }
  std::reverse(&path_[0], &path_[0] + length);
  return {&path_[0], length};
}

// Breadth first. Returns the state of `last` from which an edge that leaves it, held shared or
// not, keeps the path strong.
std::optional<uint32_t> DependencyGraph::search(uint32_t start, LockClassId last,
                                                bool held_shared) {
  visit(start, 0, kStart);
  for (uint32_t i = 0; i < queued_; ++i) {
    const uint32_t state = queue_[i];
    const bool awaited_recursively = state % 2 != 0;
    for (uint32_t next = first_edge_[state / 2]; next != 0;) {
      const uint32_t index = next - 1;
      const DependencyEdge& edge = edges_[index];
      next = edge.next_from_same;
      if (awaited_recursively && edge.kind.held_shared) continue;
      const uint32_t reached = state_of(edge.to, edge.kind.awaits_recursively);
      if (!visit(reached, index, state)) continue;
      if (edge.to == last && !(edge.kind.awaits_recursively && held_shared)) return reached;
    }
  }
  return std::nullopt;
}

// Puts `state` into the queue unless this search has been there.
bool DependencyGraph::visit(uint32_t state, uint32_t edge, uint32_t came_from) {
  if (states_[state].search == search_) return false;
  states_[state] = {search_, edge, came_from};
  queue_[queued_++] = state;
  return true;
}

}  // namespace ring3::lockdep
