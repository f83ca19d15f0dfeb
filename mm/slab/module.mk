# kmem_cache and kmalloc over the page allocator.
mm/slab_SOURCES := cache_layout.cc kmalloc.cc kmem_cache.cc slab_allocator.cc slab_report.cc
mm/slab_MAY_INCLUDE := mm/pages lockdep lib/cpu lib
mm/slab_UMBRELLA := mm/slab/slabs.h
