# One machine's memory: the front door to mm/pages and mm/slab.
mm_SOURCES := mm.cc
mm_MAY_INCLUDE := mm/heap mm/slab mm/pages lockdep lib/cpu lib
mm_UMBRELLA := mm/mm.h
