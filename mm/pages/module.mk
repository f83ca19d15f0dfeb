# The zoned buddy page allocator.
mm/pages_SOURCES := buddy.cc fail_page_alloc.cc fragmentation_index.cc frame_tables.cc free_region.cc gfp.cc kernel_pcp.cc kernel_zone.cc mem_info.cc memblock.cc node_order.cc nodes.cc packed_blocks.cc page_alloc.cc page_alloc_bulk.cc page_check.cc page_nolock.cc page_owner.cc page_poison.cc \
	page_policy.cc page_refs.cc page_report.cc pcp_lists.cc proc_text.cc reclaim.cc vm_settings.cc watermark.cc zone.cc
mm/pages_MAY_INCLUDE := lockdep lib/cpu lib
mm/pages_UMBRELLA := mm/pages/pages.h
