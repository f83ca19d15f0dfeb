#include "mm/slab/cache_layout.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

struct Row {
  size_t object_size;
  unsigned cpus;
  uint32_t objects;
  unsigned order;
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.object_size; }

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_slab_cache_layout)

// objperslab and pagesperslab as /proc/slabinfo of Linux shows them: 2 CPUs (12 objects wanted) and
// 16 CPUs (24 wanted).
const Row kRows[] = {
    {8, 2, 512, 0},   {64, 2, 64, 0},    {192, 2, 21, 0},   {256, 2, 16, 0}, {512, 2, 16, 1},
    {1024, 2, 16, 2}, {2048, 2, 16, 3},  {4096, 2, 8, 3},   {8192, 2, 4, 3}, {256, 16, 32, 1},
    {512, 16, 32, 2}, {1024, 16, 32, 3}, {2048, 16, 16, 3},
};
BOOST_DATA_TEST_CASE(slabs_have_linux_order_and_objects, data::make(kRows), row) {
  const CacheLayout layout = cache_layout(row.object_size, 0, CacheAlign::kNatural, row.cpus);
  BOOST_TEST(layout.objects == row.objects);
  BOOST_TEST(layout.order.value() == row.order);
}

BOOST_AUTO_TEST_CASE(objects_are_rounded_up_to_a_word_or_their_alignment) {
  BOOST_TEST(cache_layout(1, 0, CacheAlign::kNatural, 2).stride == 8u);
  BOOST_TEST(cache_layout(100, 0, CacheAlign::kNatural, 2).stride == 104u);
  BOOST_TEST(cache_layout(100, 32, CacheAlign::kNatural, 2).stride == 128u);
}

BOOST_AUTO_TEST_CASE(hwcache_alignment_is_the_line_or_a_half_or_quarter_that_still_holds_it) {
  BOOST_TEST(cache_layout(184, 0, CacheAlign::kHwcache, 2).align == 64u);
  BOOST_TEST(cache_layout(33, 0, CacheAlign::kHwcache, 2).align == 64u);
  BOOST_TEST(cache_layout(32, 0, CacheAlign::kHwcache, 2).align == 32u);
  BOOST_TEST(cache_layout(10, 0, CacheAlign::kHwcache, 2).align == 16u);
}

// 12 objects of 640 bytes in 8192 leave 512: eight colours of 64 bytes.
BOOST_AUTO_TEST_CASE(colours_use_what_is_left_over) {
  const CacheLayout layout = cache_layout(640, 0, CacheAlign::kHwcache, 2);
  BOOST_TEST(layout.objects == 12u);
  BOOST_TEST(layout.colours == 8u);
  BOOST_TEST(layout.colour_bytes == 64u);
  BOOST_TEST(cache_layout(256, 0, CacheAlign::kNatural, 2).colours == 1u);
}

// clamp(ilog2(size) / 2, 5, 10)
BOOST_AUTO_TEST_CASE(min_partial_grows_with_the_size) {
  BOOST_TEST(cache_layout(8, 0, CacheAlign::kNatural, 2).min_partial == 5u);
  BOOST_TEST(cache_layout(4096, 0, CacheAlign::kNatural, 2).min_partial == 6u);
  BOOST_TEST(cache_layout(1 << 22, 0, CacheAlign::kNatural, 2).min_partial == 10u);
}

BOOST_AUTO_TEST_CASE(the_last_object_of_the_last_colour_fits) {
  for (size_t size = 1; size < 40'000; size += size < 600 ? 1 : 37) {
    for (const CacheAlign how : {CacheAlign::kNatural, CacheAlign::kHwcache}) {
      const CacheLayout layout = cache_layout(size, 0, how, 2);
      const size_t last = (layout.colours - 1) * layout.colour_bytes;
      BOOST_REQUIRE(layout.objects >= 1u);
      BOOST_REQUIRE(last + layout.objects * layout.stride <= layout.order.bytes());
      BOOST_REQUIRE(layout.stride >= size);
      BOOST_REQUIRE(layout.colour_bytes % layout.align == 0u);
    }
  }
}

// 8 objects of 920 bytes fit a slab of order 1, of which they waste a tenth; order 2 wastes less
// than a sixteenth. For 700 bytes order 1 does.
BOOST_AUTO_TEST_CASE(a_larger_slab_is_taken_where_it_wastes_a_smaller_part) {
  BOOST_TEST(cache_layout(920, 0, CacheAlign::kNatural, 1).order.value() == 2u);
  BOOST_TEST(cache_layout(700, 0, CacheAlign::kNatural, 1).order.value() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
