#pragma once

// The order between classes of locks, as a graph: pure, single-threaded, its owner locks.
//
// An edge A -> B says that a task waited for B while it held A. Whether such waits can close a
// circle depends on readers (Documentation/locking/lockdep-design.rst, "Recursive read locks"):
//
//   held      exclusive (E): taken to write;    shared (S): to read, in whatever way
//   awaited   recursive (R): to read, blocked only by a writer inside;    not (N): all else
//
// A task that waits recursively for B is blocked only by one that holds B exclusively. So a path
// is *strong*, its tasks really wait for each other, if nowhere -(*R)-> B -(S*)->. A strong circle
// is a possible deadlock.

#include <cstdint>
#include <optional>
#include <span>

#include "lib/stack_trace.h"
#include "lockdep/lazy_table.h"
#include "lockdep/limits.h"
#include "lockdep/lock_class.h"

namespace ring3::lockdep {

struct EdgeKind {
  bool held_shared;         // S rather than E
  bool awaits_recursively;  // R rather than N
  bool operator==(const EdgeKind&) const = default;
};

// Classes that are joined by waits of several kinds have an edge for each.
struct DependencyEdge {
  LockClassId from;
  LockClassId to;
  EdgeKind kind;
  uint32_t next_from_same;  // index + 1 of another edge that leaves `from`, 0 at the end
  StackTrace trace;         // where it was first seen
};

class DependencyGraph {
 public:
  // For class ids below limits.classes. kNoResource when the host refuses the address space.
  static Result<DependencyGraph> create(const Limits& limits);

  bool has_edge(LockClassId from, LockClassId to, EdgeKind kind) const;
  // Adds an edge that is not there; from != to. False when the table is full.
  bool add_edge(LockClassId from, LockClassId to, EdgeKind kind, const StackTrace& trace);

  // The path that a new edge last -> first of kind `closing` would close into a strong circle: a
  // shortest one, first edge first. Empty when there is none. Valid until the next call.
  // first != last.
  std::span<const DependencyEdge* const> find_closed_path(LockClassId first, LockClassId last,
                                                          EdgeKind closing);

  uint32_t edge_count() const { return edge_count_; }
  uint32_t capacity() const { return static_cast<uint32_t>(edges_.size()); }

 private:
  // What the search remembers of a class: reached over a last edge that awaits it recursively or
  // not are two states, because a path that goes on from the first is more restricted. With one
  // state for both a weak path could hide a strong one.
  struct State {
    uint32_t search;     // visited if it equals search_
    uint32_t edge;       // the one it was first reached by
    uint32_t came_from;  // the state at that edge's start, or kStart
  };
  static constexpr uint32_t kStart = UINT32_MAX;

  static constexpr uint32_t state_of(LockClassId id, bool awaited_recursively) {
    return uint32_t{id.value()} * 2 + (awaited_recursively ? 1 : 0);
  }

  struct Tables {
    LazyTable<uint32_t> first_edge;  // by class: index + 1, 0 when none
    LazyTable<DependencyEdge> edges;
    LazyTable<State> states;
    LazyTable<uint32_t> queue;  // states; each enters once a search, so it cannot overflow
    LazyTable<const DependencyEdge*> path;
  };
  explicit DependencyGraph(Tables tables);

  std::optional<uint32_t> search(uint32_t start, LockClassId last, bool held_shared);
  bool visit(uint32_t state, uint32_t edge, uint32_t came_from);

  LazyTable<uint32_t> first_edge_;
  LazyTable<DependencyEdge> edges_;
  uint32_t edge_count_ = 0;

  // Scratch of find_closed_path.
  LazyTable<State> states_;
  LazyTable<uint32_t> queue_;
  LazyTable<const DependencyEdge*> path_;
  uint32_t search_ = 0;
  uint32_t queued_ = 0;
};

}  // namespace ring3::lockdep
