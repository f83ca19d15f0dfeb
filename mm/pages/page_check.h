#pragma once

// What is wrong with a request or with a free: looked at when something is, not before.

#include <optional>

#include "mm/pages/gfp.h"
#include "mm/pages/memmap.h"

namespace ring3::mm {

// What a caller did wrong.
enum class PageMisuse {
  kOrderTooLarge,     // alloc or free above order 10
  kConflictingZones,  // more than one of __GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM
  kConflictingTypes,  // both of __GFP_MOVABLE and __GFP_RECLAIMABLE
  kReserved,      // free of a page that is no memory, or was taken before the allocator was made
  kOutsideArena,  // an address or a descriptor that is not of this arena
  kNotAligned,    // free by an address inside a page
  kNotHead,       // free of a page inside a block
  kDoubleFree,    // free of a free block
  kFreedTwiceAtOnce,  // two frees of one block that met, found when it was next taken from a list
  kWrongOrder,        // free with another order than it was allocated with
  kStillOwned,        // free of a page that a slab still uses
  kNoReference,       // put of a page that nobody has a reference to
  kLeaked,            // still allocated when the arena is closed
};

// What is wrong with a request whatever the state of memory; nothing when it can be tried.
inline std::optional<PageMisuse> misuse_of_request(Gfp gfp, Order order) {
  if (!order.valid()) return PageMisuse::kOrderTooLarge;
  if (!highest_zone(gfp)) return PageMisuse::kConflictingZones;
  if (has_two_migratetypes(gfp)) return PageMisuse::kConflictingTypes;
  return std::nullopt;
}

// Why a free of `page` with `order` on behalf of `owner` could not claim it. By now another thread
// may have changed it: a block that looks right was free a moment ago.
PageMisuse misuse_of_free(const Memmap& memmap, const Page& page, Order order, PageOwner owner);

}  // namespace ring3::mm
