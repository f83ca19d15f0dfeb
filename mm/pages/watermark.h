#pragma once

// How much of a zone is kept back, and from whom: the kernel's watermarks and its lowmem reserve,
// as pure formulas (mm/page_alloc.c: setup_per_zone_wmarks and setup_per_zone_lowmem_reserve;
// Documentation/admin-guide/sysctl/vm.rst).

#include <array>
#include <optional>

#include "mm/pages/gfp.h"
#include "mm/pages/page_units.h"
#include "mm/pages/vm_settings.h"

namespace ring3::mm {

// An allocation goes to another zone when the free pages would fall under `low`, and fails when
// they would fall under `min` less what its flags may use of the reserve. Reclaim stops at `high`,
// and at `promo` where it moves pages to slower memory.
struct Watermarks {
  PageCount min;
  PageCount low;
  PageCount high;
  PageCount promo{0};
};

// Pages of each zone of a node, in zone order; 0 for a zone that does not exist.
using ZonePages = std::array<PageCount, kZones>;
// Of those, the ones of DMA to Normal.
PageCount lowmem_pages(const ZonePages& managed);

// vm.min_free_kbytes in pages, where it is not set, of a machine whose nodes have so much lowmem
// together: 4 * sqrt(KiB), within 128 KiB and 256 MiB.
PageCount min_free_pages(PageCount lowmem);

// Of a zone of a node with `managed` pages; `lowmem` is all nodes'.
Watermarks watermarks_of(ZoneType zone, const ZonePages& managed, PageCount lowmem,
                         const VmSettings& settings = {});

// What `zone` keeps back from requests that may use zones up to `highest`: a share of the pages
// those had above it in its node to choose from. 0 for requests that may go no higher than `zone`.
PageCount lowmem_reserve(ZoneType zone, ZoneType highest, const ZonePages& managed,
                         const VmSettings& settings = {});

// The part of the min watermark that a request with `gfp` must leave: all of it; half for
// __GFP_HIGH; three eighths when it cannot wait either (GFP_ATOMIC). Nothing for __GFP_MEMALLOC,
// which no watermark stops, nor what zones keep back. __GFP_NOMEMALLOC takes back the last two, not
// the half (mm/page_alloc.c: gfp_to_alloc_flags).
std::optional<PageCount> min_mark_for(Gfp gfp, PageCount min);

// How far a CPU's share of the count of a zone's free pages may be behind, in pages
// (calculate_normal_threshold).
uint64_t stat_threshold(PageCount managed, unsigned cpus);

}  // namespace ring3::mm
