// Mistakes of programs: named with the block, and the heap is as sound after them as before.

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <regex>
#include <string>

#include "tests/mm/heap/heap_fixture.h"

namespace ring3::mm {
namespace {

struct MisuseFixture : HeapFixture {
  // The first line of the last report, its addresses as ADDR.
  std::string said() {
    const std::string text = everything_said();
    return text.substr(0, text.find('\n'));
  }
  std::string everything_said() {
    return std::regex_replace(sink.last_raw(), std::regex("0x[0-9a-f]+"), "ADDR");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_heap_misuse, MisuseFixture)

BOOST_AUTO_TEST_CASE(a_second_free_is_named) {
  expected_mistakes = 2;
  std::byte* a = filled(50, 1);
  filled(50, 2);
  heap->free(a);
  heap->free(a);
  BOOST_TEST(said() == "BUG heap: free of ADDR, which is free already: a free block of 64 bytes");
  BOOST_TEST(sink.last_raw().find("a_second_free_is_named") != std::string::npos);
  BOOST_TEST(heap->realloc(a, 100) == nullptr);
  BOOST_TEST(said().starts_with("BUG heap: realloc of ADDR, which is free already"));
  BOOST_TEST(picture() == "free 64 used 64 free 3872");
}

BOOST_AUTO_TEST_CASE(pointers_that_malloc_did_not_return_are_named) {
  expected_mistakes = 6;
  std::byte* a = filled(50, 1);
  heap->free(a + 16);
  BOOST_TEST(said() ==
             "BUG heap: free of ADDR, which malloc did not return: byte 16 of a block in use of 64 "
             "bytes, 50 asked for, whose data is at ADDR");
  heap->free(a - 8);
  BOOST_TEST(
      said() ==
      "BUG heap: free of ADDR, which malloc did not return: byte 24 of the header of a block "
      "in use of 64 bytes, 50 asked for, whose data is at ADDR");
  int on_stack = 0;
  heap->free(&on_stack);
  BOOST_TEST(said() == "BUG heap: free of ADDR, which malloc did not return: outside every block");
  heap->free(reinterpret_cast<void*>(8));
  heap->free(window->start() + (size_t{1} << 20));
  BOOST_TEST(heap->usable_size(a + 1) == 0u);
  BOOST_TEST(picture() == "used 64 free 3968");
}

// Data that go on beyond their end hit the next header.
BOOST_AUTO_TEST_CASE(a_header_that_was_written_over_is_found_and_set_right) {
  expected_mistakes = 1;
  std::byte* a = filled(48, 1);
  std::byte* b = filled(100, 2);
  filled(16, 3);
  std::memset(a, 0xff, 48 + 20);
  BOOST_TEST(heap->check().ends_with(" is broken"));
  heap->free(b);
  BOOST_TEST(said() ==
             "BUG heap: header overwritten of the block at ADDR, in use of 112 bytes; set right");
  BOOST_TEST(everything_said().find("The block below has its data at ADDR: perhaps written beyond "
                                    "its end") != std::string::npos);
  BOOST_TEST(picture() == "used 48 free 112 used 16 free 3792");
  BOOST_TEST(heap->malloc(112) == b);
}

BOOST_AUTO_TEST_CASE(a_search_finds_a_free_block_s_header_broken) {
  std::byte* a = filled(48, 1);
  std::byte* b = filled(100, 2);
  filled(16, 3);
  heap->free(b);
  for (size_t i = 0; i < sizeof(Block); ++i) {
    a[48 + i] ^= std::byte{0x5a};
    BOOST_TEST(heap->malloc(112) == b);
    BOOST_TEST(said() ==
               "BUG heap: header overwritten of the block at ADDR, free of 112 bytes; set right");
    heap->free(b);
    ++expected_mistakes;
    BOOST_TEST(heap->mistakes() == expected_mistakes);
    BOOST_TEST(heap->check() == "");
  }
}

// How much was asked for is lost with a header; the sums stay sums.
BOOST_AUTO_TEST_CASE(several_broken_headers_do_not_confuse_the_counts) {
  expected_mistakes = 3;
  std::byte* blocks[] = {filled(33, 1), filled(33, 2), filled(33, 3), filled(33, 4)};
  for (int i = 1; i < 4; ++i) std::memset(blocks[i] - sizeof(Block), 0xee, sizeof(Block));
  for (std::byte* block : blocks) heap->free(block);
  BOOST_TEST(heap->usage().asked_bytes == 0u);
  BOOST_TEST(heap->malloc(4064) == blocks[0]);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(mm_heap_misuse_of_the_break)

// Whether the break is still down when the heap is called next, or up again over pages that are not
// there any more.
BOOST_DATA_TEST_CASE(a_break_lowered_under_blocks_is_named_once,
                     boost::unit_test::data::make({false, true}), raised_again) {
  test::RecordingSink sink;
  const auto pages =
      std::move(PageAllocator::create({.size_bytes = size_t{4} << 20, .mappable = true}).value());
  const auto window = std::move(WindowBreak::create(*pages, size_t{1} << 20).value());
  const auto heap = std::move(Heap::create(*window, {.reports = &sink}).value());
  void* a = heap->malloc(5000);
  // Above the blocks it is the program's to move.
  window->sbrk(10'000);
  window->sbrk(-10'000);
  BOOST_TEST(heap->check() == "");
  std::byte* end = window->end();
  window->brk(window->start() + 100);
  if (raised_again) window->brk(end);
  BOOST_TEST(heap->malloc(10) == nullptr);
  heap->free(a);
  BOOST_TEST(heap->realloc(a, 10) == nullptr);
  BOOST_TEST(heap->calloc(1, 10) == nullptr);
  BOOST_TEST(heap->usable_size(a) == 0u);
  BOOST_TEST(!heap->trim(0));
  BOOST_TEST(heap->first_block() == nullptr);
  BOOST_TEST(heap->check() == "the program moved the break below the blocks");
  BOOST_TEST(sink.count() == 1u);
  BOOST_TEST(sink.last_raw().starts_with("BUG heap: the program moved the break to 0x"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
