# One machine's memory: the front door to mm/pages, mm/slab and mm/heap.
mm_SOURCES := mm.cc
mm_MAY_INCLUDE := mm/heap mm/slab mm/pages lockdep lib/cpu lib
mm_UMBRELLA := mm/mm.h
