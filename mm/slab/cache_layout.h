#pragma once

// How the objects of a cache lie in its slabs: the kernel's formulas for stride, alignment, slab
// order and colouring, pure (mm/slub.c: calculate_sizes, calculate_order; colouring as in mm/slab.c
// and Bonwick, "The Slab Allocator", USENIX 1994).

#include <cstddef>
#include <cstdint>

#include "mm/pages/pages.h"

namespace ring3::mm {

enum class CacheAlign : uint8_t {
  kNatural,  // what CacheConfig::align asks for, at least a word
  kHwcache,  // SLAB_HWCACHE_ALIGN: no object crosses a cache line that it could fit into
};

struct CacheLayout {
  size_t object_size;     // bytes the user asked for
  size_t align;           // every object starts at a multiple of this
  size_t stride;          // bytes from one object to the next
  Order order;            // a slab is one block of this order
  uint32_t objects;       // in a slab
  uint32_t colours;       // how many start offsets successive slabs cycle through, at least 1
  uint32_t colour_bytes;  // distance between two of them
  uint32_t min_partial;   // free slabs that the cache keeps
};

inline constexpr size_t kMaxObjectBytes = kMaxOrder.bytes();

// The layout for objects of `object_size` bytes, 1 to kMaxObjectBytes, on a machine of `cpus`.
// `align` is a power of two up to a page, or 0 for a word.
CacheLayout cache_layout(size_t object_size, size_t align, CacheAlign how, unsigned cpus);

}  // namespace ring3::mm
