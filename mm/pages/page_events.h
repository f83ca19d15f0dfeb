#pragma once

#include "lib/cpu/event_counts.h"

namespace ring3::mm {

// What the page allocator counts; blocks that go through a CPU's list are counted there (Zone).
enum class PageEvent {
  kMmPageAlloc,            // mm_page_alloc: a block was handed out
  kMmPageFree,             // mm_page_free: a block was given back
  kMmPageAllocZoneLocked,  // mm_page_alloc_zone_locked: a block left the zone's free lists
  kMmPagePcpuDrain,        // mm_page_pcpu_drain: a block went from a CPU's list to the zone
  kAllocFailure,           // alloc_pages returned null
  kPcpRefill,              // a block went from the zone to a CPU's list
  kFreedTwice,             // a list's entry had no block: what had been freed twice at once
  kFreedTwiceOnAlloc,      // those of them that an allocation met
  kCount,
};

using PageEvents = EventCounts<PageEvent>;

}  // namespace ring3::mm
