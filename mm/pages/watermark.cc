#include "mm/pages/watermark.h"

#include <algorithm>

#include "mm/pages/kernel_rules.h"

namespace ring3::mm {
namespace {

constexpr PageCount from_kib(uint64_t kib) { return PageCount(kib * 1024 / kPageSize); }

constexpr size_t index(ZoneType zone) { return static_cast<size_t>(zone); }

constexpr PageCount kMinFreeLow = from_kib(128);
constexpr PageCount kMinFreeHigh = from_kib(262144);
// Zones HIGHMEM and MOVABLE get no share of min_free: the kernel itself does not allocate from
// them.
constexpr PageCount kUpperMinLow{32};
constexpr PageCount kUpperMinHigh{128};

uint64_t integer_sqrt(uint64_t x) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit != 0; bit >>= 1) {
    if ((root | bit) * (root | bit) <= x) root |= bit;
  }
  return root;
}

}  // namespace

PageCount lowmem_pages(const ZonePages& managed) {
  PageCount total{0};
  for (size_t zone = 0; zone <= index(ZoneType::kNormal); ++zone) total += managed[zone];
  return total;
}

PageCount min_free_pages(PageCount lowmem) {
  const uint64_t kib = lowmem.value() * kPageSize / 1024;
  return std::clamp(from_kib(integer_sqrt(kib * 16)), kMinFreeLow, kMinFreeHigh);
}

Watermarks watermarks_of(ZoneType zone, const ZonePages& managed, PageCount lowmem,
                         const VmSettings& settings) {
  const PageCount pages = managed[index(zone)];
  const uint64_t low_pages = std::max<uint64_t>(1, lowmem.value());
  const PageCount min_free =
      settings.min_free_kbytes ? from_kib(*settings.min_free_kbytes) : min_free_pages(lowmem);
  const PageCount share = min_free * pages.value() / low_pages;
  const PageCount min =
      zone > ZoneType::kNormal ? std::clamp(pages / 1024, kUpperMinLow, kUpperMinHigh) : share;
  const PageCount gap = std::max(share / 4, pages * settings.watermark_scale_factor / 10000);
  return {min, min + gap, min + gap * 2, min + gap * 3};
}

PageCount lowmem_reserve(ZoneType zone, ZoneType highest, const ZonePages& managed,
                         const VmSettings& settings) {
  const uint64_t ratio = settings.lowmem_reserve_ratio[index(zone)];
  if (ratio == 0 || managed[index(zone)] == PageCount(0)) return PageCount(0);
  PageCount above{0};
  for (size_t z = index(zone) + 1; z <= index(highest); ++z) above += managed[z];
  return above / ratio;
}

std::optional<PageCount> min_mark_for(Gfp gfp, PageCount min) {
  const bool spares_reserves = gfp.any(kGfpFlagNomemalloc);
  if (gfp.any(kGfpFlagMemalloc) && !spares_reserves) return std::nullopt;
  if (!gfp.any(kGfpFlagHigh)) return min;
  const bool may_wait = gfp.any(kGfpFlagDirectReclaim);
  if (may_wait || spares_reserves) return min - min / 2;
  return PageCount(rules::mark_of_high(min.value()));
}

uint64_t stat_threshold(PageCount managed, unsigned cpus) {
  const uint64_t in_128_mib = managed.value() >> (27 - kPageShift);
  return std::min<uint64_t>(125, 2 * fls(cpus) * (1 + fls(in_128_mib)));
}

}  // namespace ring3::mm
