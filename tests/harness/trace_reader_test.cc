#include "harness/replay/trace_reader.h"

#include <boost/test/unit_test.hpp>
#include <iterator>

#include "tests/harness/temp_file.h"

namespace ring3::harness {
namespace {

using test::TempFile;

const char kSample[] = "tests/data/kmem_trace_net_small.txt.gz";
const char kFree[] = "a 1 [000] 1.5: kmem:kfree: call_site=f ptr=0x10\n";

std::string error_of(const std::string& path) {
  const auto trace = read_trace(path);
  BOOST_REQUIRE(!trace.ok());
  return trace.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_trace_reader)

// Counted with zgrep -o 'kmem:[a-z_]*' | sort | uniq -c
BOOST_AUTO_TEST_CASE(every_event_of_a_real_trace_is_read) {
  const auto trace = read_trace(kSample);
  BOOST_REQUIRE(trace.ok());
  const std::array<uint64_t, kTraceEventKinds> expected{3213, 1228, 2660, 9835, 22100, 11378};
  BOOST_TEST(trace->by_kind() == expected, boost::test_tools::per_element());
  BOOST_TEST(trace->lines == 50414u);
  BOOST_TEST(trace->broken_lines == 0u);
  BOOST_TEST(trace->unknown_gfp == 0u);
  BOOST_TEST(!trace->caches.empty());
}

BOOST_AUTO_TEST_CASE(plain_text_is_read_as_well) {
  TempFile file(std::string(kFree) + kFree);
  BOOST_TEST(read_trace(file.path())->events.size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_last_line_needs_no_newline) {
  TempFile file(std::string(kFree).substr(0, sizeof kFree - 2));
  BOOST_TEST(read_trace(file.path())->events.size() == 1u);
}

BOOST_AUTO_TEST_CASE(broken_lines_are_counted_and_the_first_named) {
  std::string text = kFree;
  for (int i = 0; i < 7; ++i) text += "nonsense\n";
  TempFile file(text + kFree);
  const auto trace = read_trace(file.path());
  BOOST_REQUIRE(trace.ok());
  BOOST_TEST(trace->events.size() == 2u);
  BOOST_TEST(trace->broken_lines == 7u);
  BOOST_TEST(trace->broken.size() == 5u);
  BOOST_TEST(trace->broken[0] == "line 2: not a line of perf script or tracefs");
}

BOOST_AUTO_TEST_CASE(a_line_without_end_is_one_broken_line) {
  TempFile file(kFree + std::string(3 << 20, 'x') + "\n" + kFree);
  const auto trace = read_trace(file.path());
  BOOST_REQUIRE(trace.ok());
  BOOST_TEST(trace->events.size() == 2u);
  BOOST_TEST(trace->broken_lines == 1u);
  BOOST_TEST(trace->broken[0] == "line 2: longer than 64K");
}

BOOST_AUTO_TEST_CASE(unknown_flags_count_as_gfp_kernel) {
  TempFile file(
      "a 1 [000] 1.5: kmem:kmalloc: ptr=0x1 bytes_req=8 gfp_flags=GFP_KERNEL|__GFP_NEW\n");
  const auto trace = read_trace(file.path());
  BOOST_TEST(trace->unknown_gfp == 1u);
  BOOST_CHECK(trace->events[0].gfp == mm::kGfpKernel);
}

BOOST_AUTO_TEST_CASE(a_cut_off_gzip_is_an_error) {
  std::ifstream whole(kSample, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(whole), {});
  TempFile file(bytes.substr(0, bytes.size() / 2));
  BOOST_TEST(contains(error_of(file.path()), "cut off"));
}

BOOST_AUTO_TEST_CASE(a_damaged_gzip_is_an_error) {
  std::ifstream whole(kSample, std::ios::binary);
  std::string bytes(std::istreambuf_iterator<char>(whole), {});
  for (size_t i = 1000; i < 1100; ++i) bytes[i] ^= 0x5a;
  TempFile file(bytes);
  BOOST_TEST(contains(error_of(file.path()), "damaged"));
}

BOOST_AUTO_TEST_CASE(what_is_no_trace_is_an_error) {
  TempFile empty;
  BOOST_TEST(contains(error_of(empty.path()), "is no trace: none of the 0 lines"));
  TempFile prose("It was a dark and stormy night.\n");
  BOOST_TEST(contains(error_of(prose.path()), "is no trace: none of the 1 lines"));
}

BOOST_AUTO_TEST_CASE(an_endless_file_without_events_is_given_up) {
  BOOST_TEST(contains(error_of("/dev/zero"), "is no trace: none of the 0 lines read"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_an_error) {
  BOOST_TEST(contains(error_of("/nowhere/trace"), "cannot read trace '/nowhere/trace': No such"));
  BOOST_TEST(contains(error_of("/tmp"), "it is a folder"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
