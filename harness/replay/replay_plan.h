#pragma once

// What a replay does, worked out before its time is taken: each allocation gets a slot, each free
// the slot of what it frees, so the timed loop only indexes arrays. Pure.
//
// Traces are never whole: frees come before the recording starts or without an event (bulk frees),
// addresses are handed out twice because the free between was not seen. The plan counts all that.

#include <cstdint>
#include <vector>

#include "harness/replay/trace_reader.h"

namespace ring3::harness {

enum class ReplayMode {
  kAuto,     // objects where the trace has them, else pages
  kPages,    // mm_page_alloc and mm_page_free through the page allocator
  kObjects,  // kmalloc and kmem_cache events through the caches
};

struct ReplayStep {
  enum class Action : uint8_t {
    kAlloc,
    kFree,
    kFreeNull,
    kSplit,  // the block of `slot` becomes two of `order`; the upper one goes to `upper_slot`
  };
  Action action;
  TraceEventKind kind;  // of the allocation, for a free too: merged caches free under other names
  uint8_t order;
  uint32_t slot;
  uint32_t cache;
  uint32_t bytes;
  mm::Gfp gfp;
  uint64_t identity;        // the trace's own pfn or address
  uint32_t upper_slot = 0;  // of splits
};

struct ReplayPlan {
  ReplayMode mode = ReplayMode::kObjects;  // never kAuto
  std::vector<ReplayStep> steps;
  uint32_t slots = 0;  // live at once, at most

  uint64_t allocs = 0;
  uint64_t frees = 0;             // with an allocation before them
  uint64_t unmatched_frees = 0;   // without: skipped
  uint64_t implicit_frees = 0;    // an address handed out again: freed first
  uint64_t null_frees = 0;        // kfree(NULL)
  uint64_t split_blocks = 0;      // a part was freed: the rest of the block lives on
  uint64_t order_mismatches = 0;  // pages freed with a larger order than allocated
  uint64_t live_at_end = 0;
  uint64_t peak_requested_bytes = 0;
  // For each cache of the trace, the largest object it handed out; 0 when none.
  std::vector<uint32_t> cache_bytes;
};

// The plan for the events of `trace` that `mode` replays; the others are left out, because an
// object's pages are traced as page events too.
ReplayPlan make_replay_plan(const Trace& trace, ReplayMode mode);

}  // namespace ring3::harness
