#include "harness/replay/trace_gfp.h"

#include <boost/test/unit_test.hpp>

namespace ring3::harness {
namespace {

using namespace mm;

TraceGfp parse(std::string_view text, std::optional<unsigned> migratetype = {}) {
  return parse_trace_gfp(text, migratetype);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_replay_trace_gfp)

BOOST_AUTO_TEST_CASE(names_of_every_kernel_are_known) {
  // 2.6 to 4.3 printed flags without underscores.
  BOOST_CHECK(parse("GFP_KERNEL|GFP_ZERO").gfp == (kGfpKernel | kGfpFlagZero));
  BOOST_CHECK(parse("GFP_ATOMIC|GFP_NOWARN|GFP_NOMEMALLOC").gfp ==
              (kGfpAtomic | kGfpFlagNowarn | kGfpFlagNomemalloc));
  BOOST_CHECK(parse("GFP_WAIT|GFP_IO").gfp == (kGfpFlagReclaim | kGfpFlagIo));
  BOOST_CHECK(parse("GFP_TEMPORARY").gfp == (kGfpKernel | kGfpFlagReclaimable));
  BOOST_CHECK(parse("GFP_KERNEL|GFP_REPEAT|GFP_NOTRACK").gfp ==
              (kGfpKernel | kGfpFlagRetryMayfail));
  // What newer ones have says nothing here.
  for (const char* newer : {"GFP_KERNEL|__GFP_SKIP_KASAN", "GFP_KERNEL|__GFP_ZEROTAGS",
                            "GFP_KERNEL|__GFP_NOLOCKDEP", "GFP_KERNEL|__GFP_COLD"}) {
    BOOST_CHECK(parse(newer).gfp == kGfpKernel);
    BOOST_TEST(parse(newer).unknown == "");
  }
}

BOOST_AUTO_TEST_CASE(numbers_are_bits) {
  BOOST_CHECK(parse("0xcc0").gfp == kGfpKernel);
  BOOST_CHECK(parse("3264").gfp == kGfpKernel);
  BOOST_CHECK(parse("GFP_KERNEL|0x100").gfp == (kGfpKernel | kGfpFlagZero));
  BOOST_TEST(parse("0x80000000").unknown == "0x80000000");
}

BOOST_AUTO_TEST_CASE(the_unknown_part_is_left_out_and_named) {
  const TraceGfp parsed = parse("GFP_HIGHUSER_MOVABLE|__GFP_NEW|__GFP_NEWER|__GFP_ZERO");
  BOOST_CHECK(parsed.gfp == (kGfpHighuserMovable | kGfpFlagZero));
  BOOST_TEST(parsed.unknown == "__GFP_NEW");
  BOOST_CHECK(parse("").gfp == Gfp{});
  BOOST_CHECK(parse("NONSENSE").gfp == Gfp{});
  BOOST_TEST(parse("NONSENSE").unknown == "NONSENSE");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_together_is_unknown) {
  const TraceGfp zones = parse("GFP_KERNEL|GFP_DMA|GFP_DMA32");
  BOOST_CHECK(zones.gfp == kGfpKernel);
  BOOST_TEST(zones.unknown != "");
  const TraceGfp types = parse("GFP_HIGHUSER_MOVABLE|__GFP_RECLAIMABLE");
  BOOST_CHECK(types.gfp == kGfpHighuserMovable);
  BOOST_TEST(types.unknown != "");
}

BOOST_AUTO_TEST_CASE(the_migratetype_decides_where_the_flags_do_not) {
  BOOST_CHECK(parse("GFP_KERNEL", 1).gfp == (kGfpKernel | kGfpFlagMovable));
  BOOST_CHECK(parse("GFP_KERNEL", 2).gfp == (kGfpKernel | kGfpFlagReclaimable));
  BOOST_CHECK(parse("GFP_KERNEL", 0).gfp == kGfpKernel);
  BOOST_CHECK(parse("GFP_KERNEL", 5).gfp == kGfpKernel);
  BOOST_CHECK(parse("GFP_KERNEL|__GFP_RECLAIMABLE", 1).gfp == (kGfpKernel | kGfpFlagReclaimable));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
