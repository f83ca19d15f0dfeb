# The zoned buddy page allocator.
mm/pages_SOURCES := buddy.cc gfp.cc page_alloc.cc page_report.cc watermark.cc zone.cc
mm/pages_MAY_INCLUDE := lockdep lib/cpu lib
mm/pages_UMBRELLA := mm/pages/pages.h
