#include "harness/replay/fragmentation.h"

#include <boost/test/unit_test.hpp>

namespace ring3::harness {
namespace {

using mm::Order;
using mm::Pfn;

// 16 pages from pfn 1024 on, all of them in use.
PageSet full() {
  PageSet set(Pfn(1024), Pfn(1040));
  set.add_block(Pfn(1024), Order(4));
  return set;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_replay_fragmentation)

// By hand: of 16 pages, 1024 to 1027, 1030, 1031 and 1035 are free: one block of order 2, one of
// order 1, one of order 0: 7 pages. 1 of 7 is useless for order 1, 3 of 7 for order 2, all above.
BOOST_AUTO_TEST_CASE(index_is_the_share_of_free_pages_in_smaller_blocks) {
  PageSet some = full();
  some.remove_block(Pfn(1024), Order(2));
  some.remove_block(Pfn(1030), Order(1));
  some.remove_block(Pfn(1035), Order(0));
  const std::vector<PageSet> samples{full(), some};
  const auto indices = unusable_over_time(samples);
  BOOST_REQUIRE(indices.size() == 2u);
  BOOST_TEST(indices[1][0] == 0u);
  BOOST_TEST(indices[1][1] == 1000u / 7);
  BOOST_TEST(indices[1][2] == 3000u / 7);
  BOOST_TEST(indices[1][3] == 1000u);
}

BOOST_AUTO_TEST_CASE(no_free_page_is_useless_for_all) {
  const std::vector<PageSet> samples{full()};
  BOOST_TEST(unusable_over_time(samples)[0][0] == 1000u);
}

BOOST_AUTO_TEST_CASE(a_wholly_free_block_of_the_highest_order_serves_all) {
  PageSet used(Pfn(0), Pfn(2048));
  used.add_block(Pfn(1024), mm::kMaxOrder);
  const std::vector<PageSet> samples{used, PageSet(Pfn(0), Pfn(2048))};
  const auto indices = unusable_over_time(samples);
  for (const uint64_t index : indices[1]) BOOST_TEST(index == 0u);
}

BOOST_AUTO_TEST_CASE(an_unaligned_pair_is_no_block_of_order_1) {
  PageSet some = full();
  some.remove_block(Pfn(1025), Order(0));
  some.remove_block(Pfn(1026), Order(0));
  const std::vector<PageSet> samples{full(), some};
  BOOST_TEST(unusable_over_time(samples)[1][1] == 1000u);
}

BOOST_AUTO_TEST_CASE(allocated_pages_are_those_of_the_allocator) {
  auto pages = mm::PageAllocator::create({.size_bytes = 8u << 20}).value().release();
  const std::unique_ptr<mm::PageAllocator> owner(pages);
  mm::Page* block = pages->alloc_pages(mm::kGfpKernel, Order(3));
  mm::Page* single = pages->alloc_pages(mm::kGfpKernel, Order(0));
  const PageSet set = allocated_pages(*pages);
  size_t count = 0;
  for (const uint64_t word : set.words()) count += static_cast<size_t>(std::popcount(word));
  BOOST_TEST(count == 9u);
  const uint64_t first = pages->pfn_of(block).value();
  BOOST_TEST(((set.words()[first / 64] >> (first % 64)) & 0xff) == 0xffu);
  pages->free_pages(block, Order(3));
  pages->free_pages(single, Order(0));
}

BOOST_AUTO_TEST_CASE(frames_that_span_too_much_are_left_out) {
  Trace trace;
  for (const uint64_t pfn : {uint64_t{0}, uint64_t{1} << 40}) {
    trace.events.push_back(
        {.kind = TraceEventKind::kMmPageAlloc, .gfp = mm::kGfpKernel, .identity = pfn});
  }
  BOOST_TEST(traced_pages(make_replay_plan(trace, ReplayMode::kPages)).empty());
}

BOOST_AUTO_TEST_CASE(parts_cover_everything_once) {
  for (const size_t count : {0u, 1u, 31u, 32u, 33u, 1000u}) {
    size_t next = 0;
    for (size_t sample = 0; sample < kReplaySamples; ++sample) {
      const Part part = part_of(count, sample, kReplaySamples);
      BOOST_TEST(part.begin == next);
      next = part.end;
    }
    BOOST_TEST(next == count);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
