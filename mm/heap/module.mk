# The program break and the malloc that textbooks teach, over the page allocator.
mm/heap_SOURCES := blocks.cc break.cc demand_faults.cc fit_policy.cc heap.cc heap_report.cc \
	process_break.cc process_layout.cc window_break.cc
mm/heap_MAY_INCLUDE := mm/pages lib/cpu lib
mm/heap_UMBRELLA := mm/heap/heaps.h
