#include "harness/replay/replay_plan.h"

#include <algorithm>
#include <unordered_map>

#include "lib/bits.h"

namespace ring3::harness {
namespace {

constexpr bool is_allocation(TraceEventKind kind) {
  return kind == TraceEventKind::kMmPageAlloc || kind == TraceEventKind::kKmalloc ||
         kind == TraceEventKind::kKmemCacheAlloc;
}

class Planner {
 public:
  explicit Planner(const Trace& trace, ReplayMode mode) {
    plan_.mode = mode;
    plan_.cache_bytes.resize(trace.caches.size());
  }

  void add(const TraceEvent& event) {
    if (is_allocation(event.kind)) {
      add_alloc(event);
    } else {
      add_free(event);
    }
  }

  ReplayPlan finish() {
    plan_.live_at_end += live_.size();
    return std::move(plan_);
  }

 private:
  void add_alloc(const TraceEvent& event) {
    // What the kernel does not show cannot be freed by name: it lives to the end.
    if (event.hidden) {
      emit_alloc(event);
      ++plan_.live_at_end;
      return;
    }
    if (const auto known = live_.find(event.identity); known != live_.end()) {
      ++plan_.implicit_frees;
      emit_free(known->second);
      live_.erase(known);
    }
    live_.emplace(event.identity, emit_alloc(event));
  }

  ReplayStep emit_alloc(const TraceEvent& event) {
    ++plan_.allocs;
    const ReplayStep step{.action = ReplayStep::Action::kAlloc,
                          .kind = event.kind,
                          .order = event.order,
                          .slot = take_slot(),
                          .cache = event.cache,
                          .bytes = event.bytes,
                          .gfp = event.gfp,
                          .identity = event.identity};
    if (event.kind == TraceEventKind::kKmemCacheAlloc) {
      uint32_t& largest = plan_.cache_bytes[event.cache];
      largest = std::max(largest, event.bytes);
    }
    requested_bytes_ += bytes_of(step);
    plan_.peak_requested_bytes = std::max(plan_.peak_requested_bytes, requested_bytes_);
    plan_.steps.push_back(step);
    return step;
  }

  void add_free(const TraceEvent& event) {
    if (event.kind == TraceEventKind::kKfree && event.identity == 0 && !event.hidden) {
      ++plan_.null_frees;
      plan_.steps.push_back({.action = ReplayStep::Action::kFreeNull,
                             .kind = event.kind,
                             .order = 0,
                             .slot = 0,
                             .cache = 0,
                             .bytes = 0,
                             .gfp = {},
                             .identity = 0});
      return;
    }
    if (is_page_event(event.kind)) split_around(event);
    // What the kernel did not show could be anything.
    const auto known = event.hidden ? live_.end() : live_.find(event.identity);
    if (known == live_.end()) {
      ++plan_.unmatched_frees;
      return;
    }
    if (is_page_event(event.kind) && event.order != known->second.order) ++plan_.order_mismatches;
    ++plan_.frees;
    emit_free(known->second);
    live_.erase(known);
  }

  // Where `event` frees a part of a live block, that is halved until the part is a block of its
  // own: the kernel's split_page(), and __free_pages() of a page that somebody else still holds.
  void split_around(const TraceEvent& event) {
    const auto covers = [&](unsigned order) {
      const auto found = live_.find(align_down(event.identity, uint64_t{1} << order));
      return found != live_.end() && found->second.order > event.order &&
                     found->second.order >= order
                 ? &found->second
                 : nullptr;
    };
    const ReplayStep* block = nullptr;
    for (unsigned order = event.order; block == nullptr && order <= mm::Order::kMax; ++order) {
      block = covers(order);
    }
    if (block == nullptr) return;
    ++plan_.split_blocks;
    ReplayStep lower = *block;
    while (lower.order > event.order) {
      ReplayStep upper = lower;
      upper.order = lower.order = static_cast<uint8_t>(lower.order - 1);
      upper.identity += uint64_t{1} << upper.order;
      upper.slot = take_slot();
      ReplayStep split = lower;
      split.action = ReplayStep::Action::kSplit;
      split.upper_slot = upper.slot;
      plan_.steps.push_back(split);
      live_.insert_or_assign(lower.identity, lower);
      live_.insert_or_assign(upper.identity, upper);
      if (event.identity >= upper.identity) lower = upper;
    }
  }

  // Freed as it was allocated.
  void emit_free(const ReplayStep& allocation) {
    ReplayStep step = allocation;
    step.action = ReplayStep::Action::kFree;
    requested_bytes_ -= bytes_of(step);
    free_slots_.push_back(step.slot);
    plan_.steps.push_back(step);
  }

  // The slot freed last is still in the cache.
  uint32_t take_slot() {
    if (free_slots_.empty()) return plan_.slots++;
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  static uint64_t bytes_of(const ReplayStep& step) {
    return is_page_event(step.kind) ? mm::Order(step.order).bytes() : step.bytes;
  }

  ReplayPlan plan_;
  std::unordered_map<uint64_t, ReplayStep> live_;
  std::vector<uint32_t> free_slots_;
  uint64_t requested_bytes_ = 0;
};

ReplayMode resolve(const Trace& trace, ReplayMode mode) {
  if (mode != ReplayMode::kAuto) return mode;
  const bool has_objects = std::any_of(trace.events.begin(), trace.events.end(),
                                       [](const auto& e) { return !is_page_event(e.kind); });
  return has_objects ? ReplayMode::kObjects : ReplayMode::kPages;
}

}  // namespace

ReplayPlan make_replay_plan(const Trace& trace, ReplayMode asked) {
  const ReplayMode mode = resolve(trace, asked);
  Planner planner(trace, mode);
  for (const TraceEvent& event : trace.events) {
    if (is_page_event(event.kind) == (mode == ReplayMode::kPages)) planner.add(event);
  }
  return planner.finish();
}

}  // namespace ring3::harness
