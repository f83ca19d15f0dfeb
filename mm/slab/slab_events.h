#pragma once

#include "mm/pages/pages.h"

namespace ring3::mm {

// What the slab layer counts. Those with a tracepoint of the same name are counted beside it.
enum class SlabEvent {
  kKmemCacheAlloc,  // kmem_cache_alloc
  kKmemCacheFree,   // kmem_cache_free
  kKmalloc,         // kmalloc
  kKfree,           // kfree, of null and the zero-size pointer too
  kAllocFailure,    // an allocation of either kind returned null
  kCount,
};

using SlabEvents = EventCounts<SlabEvent>;

}  // namespace ring3::mm
