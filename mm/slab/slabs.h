#pragma once

// What other modules may use of the slab layer.

#include "mm/slab/cache_layout.h"
#include "mm/slab/kmalloc.h"
#include "mm/slab/kmem_cache.h"
#include "mm/slab/slab_allocator.h"
#include "mm/slab/slab_events.h"
