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

BOOST_AUTO_TEST_SUITE(harness_replay_trace_parser)

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

// The same allocation as the tools print it.
const char* const kForms[] = {
    // perf script without process, CPU or time, and with a clock that is not seconds
    "kmem:kmalloc: call_site=f+0x1 ptr=0xffff8881 bytes_req=408 bytes_alloc=512 "
    "gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1",
    "ls 12 [001] 123456789012: kmem:kmalloc: call_site=f ptr=0xffff8881 bytes_req=408 "
    "bytes_alloc=512 gfp_flags=GFP_KERNEL|__GFP_ZERO",
    "ls 12 [001] 15:04:05.123: kmem:kmalloc: call_site=f ptr=0xffff8881 bytes_req=408 "
    "bytes_alloc=512 gfp_flags=GFP_KERNEL|__GFP_ZERO",
    // trace-cmd report
    "   ls-12    [001]  9.123456: kmalloc:              (f+0x1) call_site=ffffffff81 "
    "ptr=0xffff8881 bytes_req=408 bytes_alloc=512 gfp_flags=GFP_KERNEL|__GFP_ZERO",
    // function_graph
    " 1)   0.123 us    |    /* kmalloc: call_site=f ptr=00000000ffff8881 bytes_req=408 "
    "bytes_alloc=512 gfp_flags=GFP_KERNEL|__GFP_ZERO */",
    // perf trace
    "     0.000 ls/12 kmem:kmalloc(call_site: 0xffffffff81, ptr: 0xffff8881, bytes_req: 408, "
    "bytes_alloc: 512, gfp_flags: GFP_KERNEL|__GFP_ZERO, node: -1)",
    "     0.000 ls/12 kmem:kmalloc(bytes_req: 408, bytes_alloc: 512, gfp_flags: "
    "GFP_KERNEL|__GFP_ZERO, ptr: 0xffff8881)",
    // LTTng
    "[15:48:30.123456789] (+0.000001000) host kmem_kmalloc: { cpu_id = 1 }, { call_site = "
    "0xFFFFFFFF81, ptr = 0xFFFF8881, bytes_req = 408, bytes_alloc = 512, gfp_flags = "
    "GFP_KERNEL|__GFP_ZERO }"};
BOOST_DATA_TEST_CASE(reads_every_form, data::make(kForms), line) {
  const ParsedEvent alloc = event(line);
  BOOST_CHECK(alloc.event.kind == TraceEventKind::kKmalloc);
  BOOST_TEST(alloc.event.identity == 0xffff8881u);
  BOOST_TEST(alloc.event.bytes == 408u);
  BOOST_TEST(alloc.gfp == "GFP_KERNEL|__GFP_ZERO");
}

BOOST_AUTO_TEST_CASE(events_have_had_other_names) {
  BOOST_CHECK(event("a 1 [000] 1.5: mm_page_free_direct: page=c1 pfn=12 order=1").event.kind ==
              TraceEventKind::kMmPageFree);
  BOOST_CHECK(event("kmalloc_node: ptr=0x1 bytes_req=8 gfp_flags=GFP_KERNEL node=0").event.kind ==
              TraceEventKind::kKmalloc);
  BOOST_CHECK(event("h kmem_mm_page_free: { cpu_id = 0 }, { page = 0x1, pfn = 12, order = 1 }")
                  .event.kind == TraceEventKind::kMmPageFree);
}

BOOST_AUTO_TEST_CASE(an_allocation_says_how_movable_it_is) {
  const ParsedEvent alloc =
      event("kmem:mm_page_alloc: page=0x1 pfn=0x5 order=0 migratetype=2 gfp_flags=GFP_KERNEL");
  BOOST_TEST(alloc.migratetype.value() == 2u);
}

// Some recorders may not show addresses, and print a page as 0; the pfn says that there is one.
BOOST_AUTO_TEST_CASE(a_page_of_0_with_a_pfn_is_an_allocation) {
  const ParsedEvent alloc = event(
      "a-1 [003] .... 1.5: mm_page_alloc: page=0000000000000000 pfn=3174624 order=1 "
      "migratetype=0 gfp_flags=GFP_KERNEL");
  BOOST_TEST(alloc.event.identity == 3174624u);
}

BOOST_AUTO_TEST_CASE(a_hidden_address_is_an_event_without_identity) {
  for (const char* hidden : {"(____ptrval____)", "00000074(ptrval)", "        (ptrval)"}) {
    const std::string line = std::string("a-1 [000] .... 0.1: kfree: call_site=f ptr=") + hidden;
    BOOST_TEST(event(line.c_str()).event.hidden);
  }
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
  for (const char* null : {"(nil)", "(null)", "  (null)", "0x0", "0000000000000000"}) {
    const std::string line = std::string("a 1 [000] 1.5: kmem:kfree: call_site=f ptr=") + null;
    BOOST_TEST(event(line.c_str()).event.identity == 0u);
  }
}

struct Skipped {
  const char* line;
  const char* what;
};
std::ostream& operator<<(std::ostream& out, const Skipped& skipped) { return out << skipped.line; }
const Skipped kSkipped[] = {
    {"", "empty line"},
    {"   \t \r", "empty line"},
    {"# tracer: nop", "comment"},
    {"a 1 [000] 1.5: sched:sched_switch: prev_comm=x prev_pid=1 ==> next_comm=y", "sched_switch"},
    {"a 1 [000] 1.5: sched:sched_switch: prev_comm=kfree: prev_pid=1", "sched_switch"},
    {"a 1 [000] 1.5: kmem:mm_page_free_batched: page=0x1 pfn=0x1 order=0", "mm_page_free_batched"},
    {"a 1 [000] 1.5: mm_pagevec_free: page=0x1 pfn=1 order=0 cold=0", "mm_pagevec_free"},
    {"a 1/1 1.5 PERF_RECORD_COMM exec: ls:1/1", "task record"},
    {"a 1 [000] 1.5: kmem:kmalloc: call_site=f ptr=(nil) bytes_req=8 bytes_alloc=8 "
     "gfp_flags=GFP_KERNEL",
     "failed allocation"},
    {"a 1 [000] 1.5: kmem:mm_page_alloc: page=(nil) pfn=0x0 order=4 migratetype=0 "
     "gfp_flags=GFP_NOWAIT",
     "failed allocation"},
    {"a 1 [000] 1.5: kmem:mm_page_alloc: page=(nil) pfn=0xffffffffffffffff order=4 migratetype=0 "
     "gfp_flags=GFP_NOWAIT",
     "failed allocation"},
    {"    ffffffff81234567 __alloc_pages+0x22e (vmlinux)", "call chain"},
    {"\t565146216fda [unknown] (/usr/bin/perf)", "call chain"},
    {" => kmem_cache_alloc", "call chain"},
    {"version = 6", "header"},
    {"cpus=8", "header"},
    {"CPU 3 is empty", "header"},
    {" 0)   0.123 us    |  schedule();", "header"},
};
BOOST_DATA_TEST_CASE(what_is_no_allocation_is_skipped_by_kind, data::make(kSkipped), skipped) {
  const ParsedLine parsed = parse_trace_line(skipped.line);
  BOOST_REQUIRE(std::holds_alternative<SkippedLine>(parsed));
  BOOST_TEST(std::get<SkippedLine>(parsed).what == skipped.what);
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
    {"hello world", "no event"},
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
