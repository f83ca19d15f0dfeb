#include "harness/replay/trace_parser.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace ring3::harness {
namespace {

namespace data = boost::unit_test::data;

ParsedEvent event(const char* line) {
  const ParsedLine parsed = parse_trace_line(line);
  BOOST_REQUIRE_MESSAGE(std::holds_alternative<ParsedEvent>(parsed), line);
  return std::get<ParsedEvent>(parsed);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_trace_parser)

BOOST_AUTO_TEST_CASE(reads_the_form_of_perf_script) {
  const ParsedEvent alloc = event(
      "       perf-exec 18854 [000]  1919.379903:          kmem:kmalloc: call_site=alloc_bprm+0x45 "
      "ptr=0xffff88812b377200 bytes_req=408 bytes_alloc=512 gfp_flags=GFP_KERNEL|__GFP_ZERO "
      "node=-1 accounted=false");
  BOOST_CHECK(alloc.event.kind == TraceEventKind::kKmalloc);
  BOOST_TEST(alloc.event.identity == 0xffff88812b377200u);
  BOOST_TEST(alloc.event.bytes == 408u);
  BOOST_TEST(alloc.gfp == "GFP_KERNEL|__GFP_ZERO");
}

BOOST_AUTO_TEST_CASE(reads_the_form_of_tracefs) {
  const ParsedEvent alloc = event(
      "            bash-10520   [001] .....  2212.132873: mm_page_alloc: page=00000000a3077a08 "
      "pfn=0x1b11c7 order=3 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE|__GFP_COMP");
  BOOST_CHECK(alloc.event.kind == TraceEventKind::kMmPageAlloc);
  BOOST_TEST(alloc.event.identity == 0x1b11c7u);
  BOOST_TEST(alloc.event.order == 3u);
}

BOOST_AUTO_TEST_CASE(reads_the_decimal_pfn_of_old_kernels) {
  const ParsedEvent free =
      event("<...>-77 [003] d..1 12.5: mm_page_free: page=ffffea00 pfn=1771975 order=0");
  BOOST_CHECK(free.event.kind == TraceEventKind::kMmPageFree);
  BOOST_TEST(free.event.identity == 1771975u);
}

BOOST_AUTO_TEST_CASE(cache_events_carry_the_name_of_the_cache) {
  const ParsedEvent alloc = event(
      "cat 9 [000] 1.5: kmem:kmem_cache_alloc: call_site=f+0x1 ptr=0x10 name=filp bytes_req=184 "
      "bytes_alloc=192 gfp_flags=GFP_KERNEL node=-1 accounted=true");
  BOOST_TEST(alloc.cache == "filp");
  const ParsedEvent unnamed = event(
      "cat 9 [000] 1.5: kmem:kmem_cache_alloc_node: call_site=f+0x1 ptr=0x10 bytes_req=184 "
      "bytes_alloc=192 gfp_flags=GFP_KERNEL node=0");
  BOOST_TEST(unnamed.cache == "192");
}

// Whatever a process calls itself, its events are found.
const char* const kComms[] = {"a b c",       "x-1-2",        "[kworker/0:1]", "kmem:kfree:",
                              "a: kfree: b", "1.5: [000] x", "(sd-pam)",      "]"};
BOOST_DATA_TEST_CASE(a_process_name_may_hold_anything, data::make(kComms), comm) {
  const ParsedEvent perf =
      event((std::string(comm) + " 12 [001]  5.25: kmem:kfree: call_site=f ptr=0xabc").c_str());
  BOOST_TEST(perf.event.identity == 0xabcu);
  const ParsedEvent tracefs =
      event((std::string(comm) + "-12 [001] .....  5.25: kfree: call_site=f ptr=0xabc").c_str());
  BOOST_TEST(tracefs.event.identity == 0xabcu);
}

BOOST_AUTO_TEST_CASE(null_is_an_address) {
  for (const char* null : {"(nil)", "(null)", "0x0", "0000000000000000"}) {
    const std::string line = std::string("a 1 [000] 1.5: kmem:kfree: call_site=f ptr=") + null;
    BOOST_TEST(event(line.c_str()).event.identity == 0u);
  }
}

const char* const kIgnored[] = {
    "",
    "   \t ",
    "# tracer: nop",
    "a 1 [000] 1.5: sched:sched_switch: prev_comm=x prev_pid=1 ==> next_comm=y",
    "a 1 [000] 1.5: kmem:mm_page_free_batched: page=0x1 pfn=0x1 order=0",
    "a 1/1 1.5 PERF_RECORD_COMM exec: ls:1/1",
    "a 1 [000] 1.5: kmem:kmalloc: call_site=f ptr=(nil) bytes_req=8 bytes_alloc=8 "
    "gfp_flags=GFP_KERNEL",
    "a 1 [000] 1.5: kmem:mm_page_alloc: page=(nil) pfn=0x0 order=4 migratetype=0 "
    "gfp_flags=GFP_NOWAIT",
};
BOOST_DATA_TEST_CASE(what_is_no_allocation_is_ignored, data::make(kIgnored), line) {
  BOOST_CHECK(std::holds_alternative<IgnoredLine>(parse_trace_line(line)));
}

BOOST_AUTO_TEST_CASE(lost_events_are_noticed) {
  BOOST_CHECK(std::holds_alternative<LostEvents>(parse_trace_line("CPU:1 [LOST 1234 EVENTS]")));
  BOOST_CHECK(std::holds_alternative<LostEvents>(
      parse_trace_line("a 1/1 [000] 1.5: PERF_RECORD_LOST lost 12")));
}

struct Broken {
  const char* line;
  const char* reason;
};
std::ostream& operator<<(std::ostream& out, const Broken& broken) { return out << broken.line; }
const Broken kBroken[] = {
    {"hello world", "not a line of perf script or tracefs"},
    {"kfree: ptr=0x1", "not a line of perf script or tracefs"},
    {"a 1 [000] then: kmem:kfree: ptr=0x1", "not a line of perf script or tracefs"},
    {"a 1 [000] 1.5: kmem:kfree: call_site=f", "an object event without ptr="},
    {"a 1 [000] 1.5: kmem:kfree: ptr=0xzz", "ptr= is no address"},
    {"a 1 [000] 1.5: kmem:mm_page_free: page=0x1 order=0", "a page event without pfn= or order="},
    {"a 1 [000] 1.5: kmem:mm_page_free: pfn=0x1 order=11", "order= is no number from 0 to 10"},
    {"a 1 [000] 1.5: kmem:mm_page_free: pfn=x order=0", "pfn= is no number"},
    {"a 1 [000] 1.5: kmem:mm_page_alloc: page=0x1 pfn=0x1 order=0",
     "a page allocation without gfp_flags="},
    {"a 1 [000] 1.5: kmem:kmalloc: ptr=0x1 gfp_flags=GFP_KERNEL",
     "an allocation without bytes_req= or gfp_flags="},
    {"a 1 [000] 1.5: kmem:kmalloc: ptr=0x1 bytes_req=-8 gfp_flags=GFP_KERNEL",
     "bytes_req= is no number below 4G"},
    {"a 1 [000] 1.5: kmem:kmem_cache_alloc: ptr=0x1 name=f bytes_req=0 gfp_flags=GFP_KERNEL",
     "a cache allocation of 0 bytes"},
};
BOOST_DATA_TEST_CASE(a_broken_line_says_why, data::make(kBroken), broken) {
  const ParsedLine parsed = parse_trace_line(broken.line);
  BOOST_REQUIRE(std::holds_alternative<BrokenLine>(parsed));
  BOOST_TEST(std::get<BrokenLine>(parsed).reason == broken.reason);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
