#pragma once

// Every text the page allocator writes about a caller's mistake, in the shape of the kernel's
// "Bad page state".

#include <cstdint>
#include <string>

#include "mm/pages/gfp.h"
#include "mm/pages/memmap.h"

namespace ring3::mm {

// What a caller did wrong.
enum class PageMisuse {
  kOrderTooLarge,     // alloc or free above order 10
  kConflictingZones,  // more than one of __GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM
  kConflictingTypes,  // both of __GFP_MOVABLE and __GFP_RECLAIMABLE
  kOutsideArena,      // an address or a descriptor that is not of this arena
  kNotAligned,        // free by an address inside a page
  kNotHead,           // free of a page inside a block
  kDoubleFree,        // free of a free block
  kWrongOrder,        // free with another order than it was allocated with
  kStillOwned,        // free of a page that a slab still uses
  kLeaked,            // still allocated when the arena is closed
};

// The head of the block that `page` lies in, found by trying every size it could have; null for a
// page of no block. For reports: what it reads may change meanwhile.
const Page* block_of(const Memmap& memmap, const Page& page);

// The report for `misuse` of `page`, called from `caller` (a return address).
std::string bad_page_report(PageMisuse misuse, const Memmap& memmap, const Page& page, Order order,
                            uintptr_t caller);
// The report for an address (or descriptor) that belongs to no page.
std::string bad_address_report(const Memmap& memmap, const void* address, Order order,
                               uintptr_t caller);
// The report for a request that cannot be served whatever the state of memory.
std::string bad_request_report(PageMisuse misuse, Gfp gfp, Order order, uintptr_t caller);

// One line of /proc/buddyinfo: the free blocks of each order in a zone of node 0.
std::string buddyinfo_line(ZoneType zone, const std::array<uint64_t, kOrders>& free_blocks);

}  // namespace ring3::mm
