// What glibc's mtrace writes.

#include "harness/heap/mtrace.h"

#include <boost/test/unit_test.hpp>

#include <string>

#include "harness/base/byte_source.h"
#include "harness/heap/heap_script.h"

namespace ring3::harness {
namespace {

std::string read_back(std::string_view text) {
  const Result<HeapProgram> traced = parse_mtrace(text);
  if (!traced) return traced.error().message;
  std::string back;
  for (const HeapCall& call : traced->calls) {
    back += std::to_string(call.line) + " " + to_string(call, *traced) + "\n";
  }
  for (const std::string& broken : traced->broken) back += broken + "\n";
  if (traced->unknown_frees != 0) back += "unknown " + std::to_string(traced->unknown_frees) + "\n";
  return back;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_heap_mtrace)

BOOST_AUTO_TEST_CASE(calls_are_read) {
  BOOST_TEST(read_back("= Start\n"
                       "@ ./prog:(main+0x1a)[0x40114a] + 0x1c8d6b0 0x64\n"
                       "@ ./my - prog/x:[0x40114a] + 0x1c8d800 0x10\n"
                       "@ ./prog:[0x401171] < 0x1c8d6b0\n"
                       "@ ./prog:[0x401171] > 0x1c8d900 0xc8\n"
                       "@ ./prog:(main+0x2b)[0x40115b] - 0x1c8d800\n"
                       "@ ./prog:[0x1] + 0x1c8d6b0 0x20\n"
                       "@ ./prog:[0x1] - 0x1c8d900\n"
                       "@ ./prog:[0x1] ! 0x1c8d6b0 0xffffffffffff\n"
                       "= End\n") ==
             "2 m1 = malloc 100\n"
             "3 m2 = malloc 16\n"
             "5 m1 = realloc m1 200\n"
             "6 free m2\n"
             "7 m2 = malloc 32\n"
             "8 free m1\n");
}

BOOST_AUTO_TEST_CASE(what_the_trace_does_not_know_is_counted) {
  BOOST_TEST(read_back("@ a:[1] - 0x100\n"
                       "@ a:[1] < 0x200\n"
                       "@ a:[1] > 0x300 0x10\n"
                       "@ a:[1] + (nil) 0x10\n"
                       "@ a:[1] + 0x300 0x20\n"
                       "@ a:[1] + 0x4zz 0x20\n"
                       "@\n"
                       "hello\n") ==
             "3 m1 = malloc 16\n"
             "5 free m1\n"
             "5 m1 = malloc 32\n"
             "line 6: no line of mtrace: \"@ a:[1] + 0x4zz 0x20\"\n"
             "line 7: no line of mtrace: \"@\"\n"
             "line 8: no line of mtrace: \"hello\"\n"
             "unknown 1\n");
}

BOOST_AUTO_TEST_CASE(another_file_is_refused) {
  BOOST_TEST(
      read_back("PNG\n\nx").starts_with("none of 3 lines is one that glibc's mtrace writes"));
  BOOST_TEST(read_back("").starts_with("none of 0 lines"));
}

// A run of perl, of which nothing is left at its end but what it had from before.
BOOST_AUTO_TEST_CASE(a_real_trace_is_read_whole) {
  const Result<std::string> text = read_all_bytes("tests/data/mtrace_perl.txt.gz");
  BOOST_REQUIRE(text);
  const Result<HeapProgram> traced = parse_mtrace(*text);
  BOOST_REQUIRE(traced);
  BOOST_TEST(traced->broken_lines == 0u);
  BOOST_TEST(traced->unknown_frees == 0u);
  BOOST_TEST(traced->uses_blocks);
  size_t reallocs = 0;
  for (const HeapCall& call : traced->calls) reallocs += call.kind == HeapCallKind::kRealloc;
  BOOST_TEST(reallocs == 1669u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
