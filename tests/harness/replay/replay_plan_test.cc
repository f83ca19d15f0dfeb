#include "harness/replay/replay_plan.h"

#include <boost/test/unit_test.hpp>

namespace ring3::harness {
namespace {

using Kind = TraceEventKind;
using Action = ReplayStep::Action;

TraceEvent object(Kind kind, uint64_t address, uint32_t bytes = 0, uint32_t cache = 0) {
  return {.kind = kind, .cache = cache, .bytes = bytes, .gfp = mm::kGfpKernel, .identity = address};
}
TraceEvent page(Kind kind, uint64_t pfn, uint8_t order) {
  return {.kind = kind, .order = order, .gfp = mm::kGfpKernel, .identity = pfn};
}

ReplayPlan plan_of(std::vector<TraceEvent> events, ReplayMode mode = ReplayMode::kAuto) {
  Trace trace;
  trace.events = std::move(events);
  trace.caches = {"filp", "dentry"};
  return make_replay_plan(trace, mode);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_replay_replay_plan)

BOOST_AUTO_TEST_CASE(a_free_gets_the_slot_of_its_allocation) {
  const auto plan = plan_of({object(Kind::kKmalloc, 0x10, 8), object(Kind::kKmalloc, 0x20, 8),
                             object(Kind::kKfree, 0x10), object(Kind::kKfree, 0x20)});
  BOOST_REQUIRE(plan.steps.size() == 4u);
  BOOST_TEST(plan.steps[2].slot == plan.steps[0].slot);
  BOOST_TEST(plan.steps[3].slot == plan.steps[1].slot);
  BOOST_TEST(plan.slots == 2u);
  BOOST_TEST(plan.allocs == 2u);
  BOOST_TEST(plan.frees == 2u);
  BOOST_TEST(plan.live_at_end == 0u);
}

BOOST_AUTO_TEST_CASE(a_slot_is_used_again) {
  const auto plan = plan_of({object(Kind::kKmalloc, 0x10, 8), object(Kind::kKfree, 0x10),
                             object(Kind::kKmalloc, 0x20, 8), object(Kind::kKfree, 0x20)});
  BOOST_TEST(plan.slots == 1u);
}

BOOST_AUTO_TEST_CASE(a_free_without_an_allocation_is_counted_and_skipped) {
  const auto plan = plan_of({object(Kind::kKfree, 0x10), object(Kind::kKmemCacheFree, 0x20)});
  BOOST_TEST(plan.unmatched_frees == 2u);
  BOOST_TEST(plan.steps.empty());
}

BOOST_AUTO_TEST_CASE(an_address_handed_out_twice_is_freed_between) {
  const auto plan = plan_of({object(Kind::kKmalloc, 0x10, 8), object(Kind::kKmalloc, 0x10, 16)});
  BOOST_REQUIRE(plan.steps.size() == 3u);
  BOOST_CHECK(plan.steps[1].action == Action::kFree);
  BOOST_TEST(plan.steps[1].bytes == 8u);
  BOOST_TEST(plan.implicit_frees == 1u);
  BOOST_TEST(plan.live_at_end == 1u);
}

BOOST_AUTO_TEST_CASE(kfree_of_null_is_a_step_of_its_own) {
  const auto plan = plan_of({object(Kind::kKfree, 0)});
  BOOST_REQUIRE(plan.steps.size() == 1u);
  BOOST_CHECK(plan.steps[0].action == Action::kFreeNull);
  BOOST_TEST(plan.null_frees == 1u);
  BOOST_TEST(plan.unmatched_frees == 0u);
}

BOOST_AUTO_TEST_CASE(merged_caches_are_freed_as_they_were_allocated) {
  const auto plan = plan_of(
      {object(Kind::kKmemCacheAlloc, 0x10, 192, 0), object(Kind::kKmemCacheFree, 0x10, 0, 1),
       object(Kind::kKmemCacheAlloc, 0x20, 64, 1), object(Kind::kKfree, 0x20)});
  BOOST_REQUIRE(plan.steps.size() == 4u);
  BOOST_TEST(plan.steps[1].cache == 0u);
  BOOST_CHECK(plan.steps[3].kind == Kind::kKmemCacheAlloc);
}

BOOST_AUTO_TEST_CASE(a_cache_is_as_wide_as_its_largest_object) {
  const auto plan = plan_of({object(Kind::kKmemCacheAlloc, 0x10, 100, 0),
                             object(Kind::kKmemCacheAlloc, 0x20, 192, 0),
                             object(Kind::kKmemCacheFree, 0x30, 0, 1)});
  BOOST_TEST(plan.cache_bytes[0] == 192u);
  BOOST_TEST(plan.cache_bytes[1] == 0u);
}

BOOST_AUTO_TEST_CASE(a_free_with_a_larger_order_frees_the_block_as_it_is) {
  const auto plan = plan_of({page(Kind::kMmPageAlloc, 8, 1), page(Kind::kMmPageFree, 8, 3)});
  BOOST_TEST(plan.steps[1].order == 1u);
  BOOST_TEST(plan.order_mismatches == 1u);
}

// The part that is freed is cut out by halving; the rest lives, and can be freed later.
BOOST_AUTO_TEST_CASE(a_free_of_a_part_splits_the_block) {
  const auto plan = plan_of({page(Kind::kMmPageAlloc, 8, 3), page(Kind::kMmPageFree, 13, 0),
                             page(Kind::kMmPageFree, 8, 2), page(Kind::kMmPageFree, 14, 1)});
  BOOST_TEST(plan.split_blocks == 1u);
  BOOST_TEST(plan.order_mismatches == 0u);
  BOOST_TEST(plan.frees == 3u);
  BOOST_TEST(plan.unmatched_frees == 0u);
  BOOST_TEST(plan.live_at_end == 1u);  // page 12
  BOOST_REQUIRE(plan.steps.size() == 1u + 3 + 3);
  BOOST_CHECK(plan.steps[1].action == Action::kSplit);
  BOOST_TEST(plan.steps[1].order == 2u);
  BOOST_TEST(plan.steps[1].slot == plan.steps[0].slot);
  BOOST_TEST(plan.steps[2].slot == plan.steps[1].upper_slot);
  BOOST_TEST(plan.slots == 4u);
}

BOOST_AUTO_TEST_CASE(a_hidden_object_lives_and_frees_nothing) {
  TraceEvent alloc = object(Kind::kKmalloc, 0, 8);
  TraceEvent free = object(Kind::kKfree, 0);
  alloc.hidden = free.hidden = true;
  const auto plan = plan_of({alloc, alloc, free});
  BOOST_TEST(plan.allocs == 2u);
  BOOST_TEST(plan.live_at_end == 2u);
  BOOST_TEST(plan.implicit_frees == 0u);
  BOOST_TEST(plan.unmatched_frees == 1u);
  BOOST_TEST(plan.null_frees == 0u);
}

BOOST_AUTO_TEST_CASE(pages_and_objects_are_never_replayed_together) {
  const std::vector<TraceEvent> both{page(Kind::kMmPageAlloc, 8, 0), object(Kind::kKmalloc, 8, 8)};
  BOOST_TEST(plan_of(both, ReplayMode::kPages).allocs == 1u);
  BOOST_TEST(plan_of(both, ReplayMode::kObjects).allocs == 1u);
  BOOST_CHECK(plan_of(both).mode == ReplayMode::kObjects);
  BOOST_CHECK(plan_of({both[0]}).mode == ReplayMode::kPages);
}

BOOST_AUTO_TEST_CASE(the_peak_is_of_what_was_requested) {
  const auto plan = plan_of({object(Kind::kKmalloc, 0x10, 100), object(Kind::kKmalloc, 0x20, 200),
                             object(Kind::kKfree, 0x20), object(Kind::kKmalloc, 0x30, 50)});
  BOOST_TEST(plan.peak_requested_bytes == 300u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
