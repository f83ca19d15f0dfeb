#pragma once

#include "lib/cpu/event_counts.h"
#include "mm/pages/gfp.h"

namespace ring3::mm {

// What the page allocator counts; blocks that go through a CPU's list are counted there (Zone).
enum class PageEvent {
  kMmPageAlloc,  // mm_page_alloc: a block was handed out (the sum of what follows)
  kAllocDma,     // from the free blocks of each zone
  kAllocDma32,
  kAllocNormal,
  kAllocMovable,
  kAllocPagesDma,  // the same in pages
  kAllocPagesDma32,
  kAllocPagesNormal,
  kAllocPagesMovable,
  kMmPageFree,             // mm_page_free: a block was given back
  kMmPageAllocZoneLocked,  // mm_page_alloc_zone_locked: a block left the zone's free lists
  kMmPagePcpuDrain,        // mm_page_pcpu_drain: a block went from a CPU's list to the zone
  kAllocstallDma,          // a request that starts in the zone asked shrinkers before it was served
  kAllocstallDma32,
  kAllocstallNormal,
  kAllocstallMovable,
  kSlabsScanned,       // pages that shrinkers were asked for
  kOomKill,            // somebody was told that memory has run out, and freed some
  kAllocFailure,       // alloc_pages returned null
  kPcpRefill,          // a block went from the zone to a CPU's list
  kFreedTwice,         // a list's entry had no block: what had been freed twice at once
  kFreedTwiceOnAlloc,  // those of them that an allocation met
  kCount,
};

// Of a family of events, one for each zone, that which is `zone`'s.
constexpr PageEvent of_zone(PageEvent of_dma, ZoneType zone) {
  return static_cast<PageEvent>(static_cast<size_t>(of_dma) + static_cast<size_t>(zone));
}

using PageEvents = EventCounts<PageEvent>;

}  // namespace ring3::mm
