// Programs through the heap: what they get, and what the report says.

#include "harness/heap/heap_run.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

#include "harness/heap/heap_script.h"
#include "harness/heap/random_program.h"
#include "harness/heap/sane_calls.h"
#include "tests/recording_sink.h"

namespace ring3::harness {
namespace {

namespace data = boost::unit_test::data;

HeapReport run(const HeapProgram& program, const HeapOptions& options = {}) {
  return std::move(run_heap(options, program, nullptr).value());
}

// Counts what it is told.
class Counter final : public HeapWatcher {
 public:
  mm::HeapListener& listener() override { return mm::nobody_listens; }
  ReportSink& reports() override { return sink; }
  void after(const HeapCall& /*call*/, const HeapOutcome& /*outcome*/, const HeapStage& /*stage*/,
             const HeapPlayer& /*player*/) override {
    ++calls;
  }
  test::RecordingSink sink;
  uint64_t calls = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_heap_run)

// Every byte of every block is written and looked at again, under every policy.
BOOST_DATA_TEST_CASE(random_programs_lose_nothing, data::xrange(1, 6), seed) {
  HeapOptions options;
  options.coalescing = seed % 2 == 0 ? mm::Coalescing::kImmediate : mm::Coalescing::kDeferred;
  const HeapReport report = run(random_heap_program(static_cast<uint64_t>(seed)), options);
  BOOST_TEST(report.is_clean());
  BOOST_TEST(report.calls >= 20'000u);
  BOOST_REQUIRE(report.rows.size() == 4u);
  for (const HeapRow& row : report.rows) {
    BOOST_TEST(row.unsound == "");
    BOOST_TEST(row.stats.failures == 0u);
    BOOST_TEST(row.ns_a_block.size() == 5u);
    // A page for each of the heap's, and no more.
    BOOST_TEST(row.minor_faults * mm::kPageSize <= row.peak_break_bytes);
    BOOST_TEST(row.minor_faults * mm::kPageSize >= row.stats.at_peak.asked_bytes);
  }
}

BOOST_AUTO_TEST_CASE(a_seed_is_a_program) {
  const HeapProgram a = random_heap_program(5);
  const HeapProgram b = random_heap_program(5);
  const HeapProgram c = random_heap_program(6);
  const auto text = [](const HeapProgram& program) {
    std::string all;
    for (const HeapCall& call : program.calls) all += to_string(call, program);
    return all;
  };
  BOOST_TEST(text(a) == text(b));
  BOOST_TEST(text(a) != text(c));
}

BOOST_AUTO_TEST_CASE(what_the_process_gets_is_told_with_its_line) {
  HeapOptions options;
  options.limit_bytes = 8192;
  const HeapReport report = run(parse_heap_script("p = malloc 100\n"
                                                  "touch p+5000\n"
                                                  "touch break\n"
                                                  "touch null\n"
                                                  "q = malloc 9000\n"
                                                  "sbrk 1G\n"
                                                  "fill p 100\n"
                                                  "fill p 4096\n"
                                                  "touch p+99\n"),
                                options);
  const std::vector<std::string> expected = {
      "line 2: touch p+5000: segmentation fault, 936 bytes above the break",
      "line 3: touch break: segmentation fault, 0 bytes above the break",
      "line 4: touch null: segmentation fault, not in the heap",
      "line 5: q = malloc 9000: no memory",
      "line 6: sbrk 1073741824: -1 (ENOMEM)",
      "line 8: fill p 4096: segmentation fault, 31 bytes above the break"};
  BOOST_TEST(report.wrong == expected, boost::test_tools::per_element());
  BOOST_TEST(report.wrong_calls == 6u);
  BOOST_TEST(!report.is_clean());
}

BOOST_AUTO_TEST_CASE(mistakes_are_counted_and_the_others_rows_too) {
  Counter counter;
  const HeapReport report = std::move(
      run_heap({}, parse_heap_script("p = malloc 100\nfree p\nfree p\nfree p+16\n"), &counter)
          .value());
  BOOST_TEST(counter.calls == 4u);
  BOOST_TEST(counter.sink.count() == 2u);
  for (const HeapRow& row : report.rows) BOOST_TEST(row.mistakes == 2u);
  BOOST_TEST(!report.is_clean());
}

// Timed runs, and the C library's, must not be given a mistake.
BOOST_AUTO_TEST_CASE(sane_calls_are_of_blocks_that_are_there) {
  const HeapProgram program = parse_heap_script(
      "p = malloc 100\n"
      "free p+16\n"
      "touch p\n"
      "free p\n"
      "free p\n"
      "q = realloc p 50\n"
      "q = realloc null 50\n"
      "sbrk 4096\n"
      "free null\n"
      "r = malloc 4097\n"
      "r = calloc 100000000000 100000000000\n"
      "r = aligned_alloc 48 10\n"
      "q = malloc 10\n"
      "q = realloc q 20\n"
      "fill break 10\n"
      "free break\n");
  std::string text;
  const std::vector<HeapCall> calls = sane_calls(program, 4096);
  for (const HeapCall& call : calls) text += to_string(call, program) + "\n";
  BOOST_TEST(text ==
             "p = malloc 100\n"
             "free p\n"
             "q = realloc null 50\n"
             "free q\n"
             "q = malloc 10\n"
             "q = realloc q 20\n");
  BOOST_TEST(blocks_made(calls) == 4u);
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_are_named) {
  HeapOptions options;
  options.mtrace_path = "tests/data/kmem_trace_net_small.txt.gz";
  BOOST_TEST(load_heap_program(options).error().message.starts_with(
      "tests/data/kmem_trace_net_small.txt.gz: none of "));
  options.mtrace_path = "/nowhere/trace";
  BOOST_CHECK(load_heap_program(options).error().code == Errc::kIo);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
