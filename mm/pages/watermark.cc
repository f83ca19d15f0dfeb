#include "mm/pages/watermark.h"

#include <algorithm>

#include "mm/pages/kernel_rules.h"

namespace ring3::mm {
namespace {

constexpr PageCount from_kib(uint64_t kib) { return PageCount(kib * 1024 / kPageSize); }

constexpr size_t index(ZoneType zone) { return static_cast<size_t>(zone); }

constexpr PageCount kMinFreeLow = from_kib(128);
constexpr PageCount kMinFreeHigh = from_kib(262144);
// Zone MOVABLE gets no share of min_free: the kernel itself does not allocate from it.
constexpr PageCount kMovableMinLow{32};
constexpr PageCount kMovableMinHigh{128};
constexpr uint64_t kWatermarkScaleFactor = 10;  // vm.watermark_scale_factor, of 10000
// vm.lowmem_reserve_ratio for DMA, DMA32, Normal, Movable; 0 keeps nothing back.
constexpr std::array<uint64_t, kZones> kLowmemReserveRatio{256, 256, 32, 0};

uint64_t integer_sqrt(uint64_t x) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit != 0; bit >>= 1) {
    if ((root | bit) * (root | bit) <= x) root |= bit;
  }
  return root;
}

PageCount lowmem(const ZonePages& managed) {
  PageCount total{0};
  for (size_t zone = 0; zone <= index(ZoneType::kNormal); ++zone) total += managed[zone];
  return total;
}

}  // namespace

PageCount min_free_pages(const ZonePages& managed) {
  const uint64_t kib = lowmem(managed).value() * kPageSize / 1024;
  return std::clamp(from_kib(integer_sqrt(kib * 16)), kMinFreeLow, kMinFreeHigh);
}

Watermarks watermarks_of(ZoneType zone, const ZonePages& managed) {
  const PageCount pages = managed[index(zone)];
  const uint64_t low_pages = std::max<uint64_t>(1, lowmem(managed).value());
  const PageCount share = min_free_pages(managed) * pages.value() / low_pages;
  const PageCount min = zone == ZoneType::kMovable
                            ? std::clamp(pages / 1024, kMovableMinLow, kMovableMinHigh)
                            : share;
  const PageCount gap = std::max(share / 4, pages * kWatermarkScaleFactor / 10000);
  return {min, min + gap, min + gap + gap};
}

PageCount lowmem_reserve(ZoneType zone, ZoneType highest, const ZonePages& managed) {
  const uint64_t ratio = kLowmemReserveRatio[index(zone)];
  if (ratio == 0) return PageCount(0);
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

}  // namespace ring3::mm
