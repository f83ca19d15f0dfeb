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
  const UnusableIndex index = unusable_index(some.blocks_outside(full()));
  BOOST_TEST(index[0] == 0u);
  BOOST_TEST(index[1] == 1000u / 7);
  BOOST_TEST(index[2] == 3000u / 7);
  BOOST_TEST(index[3] == 1000u);
}

BOOST_AUTO_TEST_CASE(no_free_page_is_useless_for_all) {
  BOOST_TEST(unusable_index(full().blocks_outside(full()))[0] == 1000u);
}

BOOST_AUTO_TEST_CASE(a_wholly_free_block_of_the_highest_order_serves_all) {
  PageSet used(Pfn(0), Pfn(2048));
  used.add_block(Pfn(1024), mm::kMaxOrder);
  for (const uint64_t index : unusable_index(used.blocks_outside())) BOOST_TEST(index == 0u);
  BOOST_TEST(used.blocks_outside()[10] == 1u);
  BOOST_TEST(PageSet(Pfn(0), Pfn(2048)).blocks_outside()[10] == 2u);
}

BOOST_AUTO_TEST_CASE(an_unaligned_pair_is_no_block_of_order_1) {
  PageSet some = full();
  some.remove_block(Pfn(1025), Order(0));
  some.remove_block(Pfn(1026), Order(0));
  BOOST_TEST(unusable_index(some.blocks_outside(full()))[1] == 1000u);
}

ReplayPlan plan_of(const std::vector<TraceEvent>& events) {
  Trace trace;
  trace.events = events;
  return make_replay_plan(trace, ReplayMode::kPages);
}

TraceEvent alloc(uint64_t pfn, uint8_t order = 0) {
  return {
      .kind = TraceEventKind::kMmPageAlloc, .order = order, .gfp = mm::kGfpKernel, .identity = pfn};
}

BOOST_AUTO_TEST_CASE(a_trace_that_shows_most_frames_tells_how_its_memory_lay) {
  std::vector<TraceEvent> events;
  for (uint64_t pfn = 1024; pfn < 1024 + 64; pfn += 2) events.push_back(alloc(pfn));
  const TracedMemory half = traced_memory(plan_of(events));
  BOOST_TEST(half.coverage == 32.0 / 63);
  BOOST_REQUIRE(half.unusable.size() == kReplaySamples);
  // What is not used yet lies in single frames.
  BOOST_TEST(half.unusable[0][0] == 0u);
  BOOST_TEST(half.unusable[0][1] == 1000u);
  events.push_back(alloc(1024 + 128));
  const TracedMemory less = traced_memory(plan_of(events));
  BOOST_TEST(less.coverage == 33.0 / 129);
  BOOST_TEST(less.unusable.empty());
}

BOOST_AUTO_TEST_CASE(frames_that_span_too_much_cover_nothing) {
  const TracedMemory traced = traced_memory(plan_of({alloc(0), alloc(uint64_t{1} << 40)}));
  BOOST_TEST(traced.coverage == 0.0);
  BOOST_TEST(traced.unusable.empty());
  BOOST_TEST(traced_memory(plan_of({})).coverage == 0.0);
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
