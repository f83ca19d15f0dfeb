#include "mm/pages/watermark.h"

#include <boost/test/unit_test.hpp>

namespace ring3::mm {
namespace {

constexpr PageCount mib(uint64_t n) { return PageCount(n * 256); }

PageCount min_free_of(const ZonePages& managed) { return min_free_pages(lowmem_pages(managed)); }

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_watermark)

// vm.rst: 16 MB gives 512k, 1 GB 4096k, 16 GB 16384k.
BOOST_AUTO_TEST_CASE(min_free_grows_with_the_root_of_memory) {
  BOOST_TEST(min_free_of({mib(16)}).value() * 4 == 512u);
  BOOST_TEST(min_free_of({mib(16), mib(1008)}).value() * 4 == 4096u);
  BOOST_TEST(min_free_of({mib(16), mib(4080), mib(12288)}).value() * 4 == 16384u);
}

BOOST_AUTO_TEST_CASE(min_free_has_limits) {
  BOOST_TEST(min_free_of({PageCount(16)}).value() * 4 == 128u);
  BOOST_TEST(min_free_of({PageCount(0), PageCount(0), mib(uint64_t{64} << 20)}).value() * 4 ==
             262144u);
}

BOOST_AUTO_TEST_CASE(zone_movable_does_not_count_for_min_free) {
  const ZonePages without{mib(16), mib(240)};
  const ZonePages with{mib(16), mib(240), {}, {}, mib(4096)};
  BOOST_CHECK(min_free_of(without) == min_free_of(with));
}

// By hand: 256 MiB low memory, min_free 4 * sqrt(262144) = 2048 KiB = 512 pages; DMA32 has 240 of
// 256 MiB: 480. The gap is the larger of 480 / 4 = 120 and 61440 / 1000 = 61.
BOOST_AUTO_TEST_CASE(watermarks_share_min_free_by_size) {
  const ZonePages managed{mib(16), mib(240)};
  const Watermarks marks = watermarks_of(ZoneType::kDma32, managed, lowmem_pages(managed));
  BOOST_TEST(marks.min.value() == 480u);
  BOOST_TEST(marks.low.value() == 600u);
  BOOST_TEST(marks.high.value() == 720u);
}

// Two such nodes: each zone has its share of the root of both.
BOOST_AUTO_TEST_CASE(nodes_share_min_free) {
  const ZonePages managed{mib(16), mib(240)};
  const PageCount lowmem = lowmem_pages(managed) * 2;
  BOOST_TEST(min_free_pages(lowmem).value() == 724u);  // 4 * sqrt(524288) = 2896 KiB
  BOOST_TEST(watermarks_of(ZoneType::kDma32, managed, lowmem).min.value() == 724 * 240 / 512u);
}

BOOST_AUTO_TEST_CASE(zone_movable_has_a_small_min) {
  const ZonePages small{mib(16), mib(112), {}, {}, mib(64)};
  BOOST_TEST(watermarks_of(ZoneType::kMovable, small, lowmem_pages(small)).min.value() == 32u);
  const ZonePages large{mib(16), mib(112), {}, {}, mib(4096)};
  BOOST_TEST(watermarks_of(ZoneType::kMovable, large, lowmem_pages(large)).min.value() == 128u);
}

// Ratios 256, 256, 32: the pages of the zones above, up to the highest that the request may use.
BOOST_AUTO_TEST_CASE(lowmem_reserve_keeps_a_share_of_what_is_above) {
  const ZonePages managed{mib(16), mib(2032), mib(4096), {}, mib(2048)};
  BOOST_TEST(lowmem_reserve(ZoneType::kDma, ZoneType::kDma, managed).value() == 0u);
  BOOST_TEST(lowmem_reserve(ZoneType::kDma, ZoneType::kDma32, managed).value() == 2032u);
  BOOST_TEST(lowmem_reserve(ZoneType::kDma, ZoneType::kNormal, managed).value() == 2032u + 4096u);
  BOOST_TEST(lowmem_reserve(ZoneType::kNormal, ZoneType::kMovable, managed).value() ==
             2048u * 256 / 32);
  BOOST_TEST(lowmem_reserve(ZoneType::kMovable, ZoneType::kMovable, managed).value() == 0u);
}

BOOST_AUTO_TEST_CASE(flags_open_parts_of_the_reserve) {
  const PageCount min(800);
  BOOST_TEST(min_mark_for(kGfpKernel, min)->value() == 800u);
  BOOST_TEST(min_mark_for(kGfpKernel | kGfpFlagHigh, min)->value() == 400u);
  BOOST_TEST(min_mark_for(kGfpAtomic, min)->value() == 300u);
  BOOST_TEST(!min_mark_for(kGfpKernel | kGfpFlagMemalloc, min).has_value());
  BOOST_TEST(min_mark_for(kGfpKernel | kGfpFlagMemalloc | kGfpFlagNomemalloc, min)->value() ==
             800u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
