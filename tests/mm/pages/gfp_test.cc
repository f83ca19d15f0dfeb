#include "mm/pages/gfp.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "lib/prng.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_gfp)

// Combinations as real traces print them (kernel 6.18).
const char* const kTraced[] = {
    "GFP_KERNEL",
    "GFP_KERNEL|__GFP_ZERO",
    "GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP",
    "GFP_NOWAIT",
    "GFP_ATOMIC",
    "GFP_KERNEL_ACCOUNT|__GFP_ZERO|__GFP_COMP",
    "GFP_HIGHUSER|__GFP_ACCOUNT",
    "GFP_NOFS|__GFP_ZERO|__GFP_NOFAIL|__GFP_ACCOUNT",
    "GFP_NOWAIT|__GFP_NORETRY|__GFP_NOMEMALLOC",
    "GFP_NOFS|__GFP_HIGHMEM|__GFP_MOVABLE|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_HARDWALL",
    "__GFP_RECLAIMABLE|__GFP_IO|__GFP_NOWARN|__GFP_NORETRY|__GFP_COMP|__GFP_NOMEMALLOC",
    "none",
};
BOOST_DATA_TEST_CASE(traced_flags_print_as_the_same_set, data::make(kTraced), text) {
  const auto gfp = parse_gfp(text);
  BOOST_REQUIRE(gfp.ok());
  BOOST_CHECK(parse_gfp(to_string(*gfp)).value() == *gfp);
}

BOOST_AUTO_TEST_CASE(combinations_have_the_kernel_s_names) {
  BOOST_TEST(to_string(kGfpKernel) == "GFP_KERNEL");
  BOOST_TEST(to_string(kGfpKernel | kGfpFlagZero) == "GFP_KERNEL|__GFP_ZERO");
  BOOST_TEST(to_string(kGfpAtomic) == "GFP_ATOMIC");
  BOOST_TEST(to_string(kGfpHighuserMovable | kGfpFlagComp) == "GFP_HIGHUSER_MOVABLE|__GFP_COMP");
  BOOST_TEST(to_string(Gfp{}) == "none");
}

// include/linux/gfp_types.h of 6.12.
BOOST_AUTO_TEST_CASE(bits_are_the_kernel_s) {
  BOOST_TEST(kGfpFlagZero.bits() == 0x100u);
  BOOST_TEST(kGfpFlagComp.bits() == 0x40000u);
  BOOST_TEST(kGfpFlagAccount.bits() == 0x400000u);
  BOOST_TEST(kGfpKernel.bits() == 0xcc0u);
  BOOST_TEST(kGfpAtomic.bits() == 0x820u);
}

BOOST_AUTO_TEST_CASE(the_task_s_scope_takes_flags_away_or_opens_the_reserves) {
  BOOST_CHECK(gfp_in_scope(kGfpKernel, AllocScope::kNone) == kGfpKernel);
  BOOST_CHECK(gfp_in_scope(kGfpKernel, AllocScope::kNoio) == kGfpNoio);
  BOOST_CHECK(gfp_in_scope(kGfpKernel, AllocScope::kNofs) == kGfpNofs);
  BOOST_CHECK(gfp_in_scope(kGfpKernel, AllocScope::kNofs | AllocScope::kMemalloc) ==
              (kGfpNofs | kGfpFlagMemalloc));
}

BOOST_AUTO_TEST_CASE(any_set_of_flags_reads_back) {
  Prng prng(1);
  for (int i = 0; i < 2000; ++i) {
    const Gfp gfp(static_cast<uint32_t>(prng.next() & prng.next()));
    BOOST_REQUIRE((parse_gfp(to_string(gfp)).value() == gfp));
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_name_is_named) {
  const auto gfp = parse_gfp("GFP_KERNEL|GFP_SILLY");
  BOOST_REQUIRE(!gfp.ok());
  BOOST_TEST(gfp.error().message.find("'GFP_SILLY'") != std::string::npos);
  BOOST_TEST(!parse_gfp("").ok());
  BOOST_TEST(!parse_gfp("0xzz").ok());
}

BOOST_AUTO_TEST_CASE(zone_modifiers_choose_the_highest_zone) {
  BOOST_CHECK(highest_zone(kGfpKernel) == ZoneType::kNormal);
  BOOST_CHECK(highest_zone(kGfpDma) == ZoneType::kDma);
  BOOST_CHECK(highest_zone(kGfpDma32 | kGfpKernel) == ZoneType::kDma32);
  BOOST_CHECK(highest_zone(kGfpHighuser) == ZoneType::kNormal);
  BOOST_CHECK(highest_zone(kGfpHighuserMovable) == ZoneType::kMovable);
  // Movable without highmem is about mobility, not about the zone.
  BOOST_CHECK(highest_zone(kGfpKernel | kGfpFlagMovable) == ZoneType::kNormal);
  // On a 32-bit machine.
  BOOST_CHECK(highest_zone(kGfpHighuser, ZoneSet::kX86_32) == ZoneType::kHighmem);
  BOOST_CHECK(highest_zone(kGfpDma32, ZoneSet::kX86_32) == ZoneType::kNormal);
  BOOST_CHECK(!highest_zone(kGfpDma | kGfpDma32));
  BOOST_CHECK(!highest_zone(kGfpDma | kGfpFlagHighmem));
}

BOOST_AUTO_TEST_CASE(order_for_bytes_is_the_smallest_that_holds_them) {
  BOOST_TEST(Order::for_bytes(0).value() == 0u);
  BOOST_TEST(Order::for_bytes(1).value() == 0u);
  BOOST_TEST(Order::for_bytes(4096).value() == 0u);
  BOOST_TEST(Order::for_bytes(4097).value() == 1u);
  BOOST_TEST(Order::for_bytes(8193).value() == 2u);
  BOOST_TEST(Order::for_bytes(4 << 20).value() == 10u);
  BOOST_TEST(!Order::for_bytes((4 << 20) + 1).valid());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
