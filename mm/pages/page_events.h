#pragma once

#include "lib/cpu/event_counts.h"
#include "mm/pages/gfp.h"

namespace ring3::mm {

// What the page allocator counts; blocks that go through a CPU's list are counted there, and what
// comes from a zone's free blocks, there (ZoneEvent).
enum class PageEvent {
  kMmPageAlloc,            // mm_page_alloc: a block was handed out (the sum over lists and zones)
  kMmPageFree,             // mm_page_free: a block was given back
  kMmPageAllocZoneLocked,  // mm_page_alloc_zone_locked: a block left the zone's free lists
  kMmPagePcpuDrain,        // mm_page_pcpu_drain: a block went from a CPU's list to the zone
  kSlabsScanned,           // pages that shrinkers were asked for
  kOomKill,                // somebody was told that memory has run out, and freed some
  kAllocFailure,           // alloc_pages returned null
  kPcpRefill,              // a block went from the zone to a CPU's list
  kFreedTwice,             // a list's entry had no block: what had been freed twice at once
  kFreedTwiceOnAlloc,      // those of them that an allocation met
  kCount,
};

// What a zone counts.
enum class ZoneEvent {
  kAlloc,       // a block was handed out from its free blocks
  kAllocPages,  // the same in pages
  kAllocstall,  // a request that starts in it asked shrinkers before it was served
  kCount,
};

using ZoneEvents = EventCounts<ZoneEvent>;
using PageEvents = EventCounts<PageEvent>;

}  // namespace ring3::mm
