// The language of `ring3 heap --script`.

#include "harness/heap/heap_script.h"

#include <boost/test/unit_test.hpp>

#include <string>

namespace ring3::harness {
namespace {

// Each call back as text, so that what was read is seen; then what is broken.
std::string read_back(std::string_view text) {
  const HeapProgram program = parse_heap_script(text);
  std::string back;
  for (const HeapCall& call : program.calls) back += to_string(call, program) + "\n";
  for (const std::string& broken : program.broken) back += broken + "\n";
  return back;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_heap_script)

BOOST_AUTO_TEST_CASE(every_call_is_read) {
  const std::string text =
      "p = malloc 100\n"
      "q = calloc 10 8\n"
      "a_1 = aligned_alloc 64 100\n"
      "q = realloc p 300\n"
      "n = realloc null 300\n"
      "free p\n"
      "free q-8\n"
      "trim 0\n"
      "trim 4096\n"
      "sbrk 4096\n"
      "sbrk -4096\n"
      "touch p+8000\n"
      "touch break+1\n"
      "fill p+4 200\n";
  BOOST_TEST(read_back(text) == text);
}

BOOST_AUTO_TEST_CASE(it_may_look_like_c) {
  BOOST_TEST(read_back("  p=malloc(4K);  # a page\n"
                       "\n"
                       "# nothing\n"
                       "q = calloc(2, 1.5k);\r\n"
                       "\tfree(p);\n"
                       "trim()") ==
             "p = malloc 4096\n"
             "q = calloc 2 1536\n"
             "free p\n"
             "trim 0\n");
}

BOOST_AUTO_TEST_CASE(broken_lines_are_named_and_the_rest_is_read) {
  BOOST_TEST(read_back("p = malloc 10\n"
                       "mallok 10\n"
                       "p = malloc\n"
                       "malloc 10\n"
                       "q = free p\n"
                       "free q\n"
                       "p = malloc ten\n"
                       "null = malloc 10\n"
                       "p =\n"
                       "sbrk 99999999999G\n"
                       "free p q\n"
                       "free p\n") ==
             "p = malloc 10\n"
             "free p\n"
             "line 2: 'mallok' is no call; use malloc, calloc, aligned_alloc, realloc, free, trim, "
             "sbrk, touch or fill\n"
             "line 3: should be: p = malloc BYTES\n"
             "line 4: should be: p = malloc BYTES\n"
             "line 5: should be: free p\n"
             "line 6: no pointer is named 'q' so far\n"
             "line 7: 'ten' is not a size below 16E; write it as 4096, 512K, 256M, 1.5G, 64MiB or "
             "1T: units are powers of 1024\n"
             "line 8: 'null' is no name for a pointer\n"
             "line 9: '' is no call; use malloc, calloc, aligned_alloc, realloc, free, trim, sbrk, "
             "touch or fill\n"
             "line 10: '99999999999G' is not a size below 16E; write it as 4096, 512K, 256M, 1.5G, "
             "64MiB or 1T: units are powers of 1024\n"
             "line 11: should be: free p\n");
}

BOOST_AUTO_TEST_CASE(many_broken_lines_are_counted) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "?\n";
  const HeapProgram program = parse_heap_script(text);
  BOOST_TEST(program.broken_lines == 1000u);
  BOOST_TEST(program.broken.size() == HeapProgram::kMostBrokenShown);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
