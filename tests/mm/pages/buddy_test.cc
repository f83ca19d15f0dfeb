#include "mm/pages/buddy.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <vector>

#include "lib/prng.h"
#include "tests/mm/pages/buddy_arena.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

using Counts = std::vector<uint64_t>;

constexpr PagePolicy kBoth[] = {PagePolicy::kKernel, PagePolicy::kPacked};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_buddy)

BOOST_DATA_TEST_CASE(fresh_memory_is_blocks_of_the_highest_order, data::make(kBoth), policy) {
  BuddyArena arena(policy);
  arena.buddy.add_free_range(Pfn(0), Pfn(4096));
  BOOST_TEST(arena.blocks() == (Counts{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4}));
}

BOOST_DATA_TEST_CASE(splits_the_next_larger_block_and_keeps_the_upper_halves, data::make(kBoth),
                     policy) {
  BuddyArena arena(policy, 1024);
  arena.buddy.add_free_range(Pfn(0), Pfn(1024));
  const Pfn pfn = arena.take(3);
  BOOST_TEST(pfn.value() == 0u);
  BOOST_TEST(arena.blocks() == (Counts{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0}));
  // The next larger one that has a block is split, not the largest.
  BOOST_TEST(arena.take(2).value() == 8u);
  BOOST_TEST(arena.blocks() == (Counts{0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0}));
}

BOOST_DATA_TEST_CASE(merges_with_free_buddies_upward_until_none_is_free, data::make(kBoth),
                     policy) {
  BuddyArena arena(policy, 1024);
  arena.buddy.add_free_range(Pfn(0), Pfn(1024));
  const Pfn first = arena.take(0);
  const Pfn second = arena.take(0);
  arena.put(first, 0);
  BOOST_TEST(arena.buddy.free_blocks(kMaxOrder) == 0u);
  arena.put(second, 0);
  BOOST_TEST(arena.blocks() == (Counts{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

BOOST_DATA_TEST_CASE(neighbours_that_are_no_buddies_stay_apart, data::make(kBoth), policy) {
  BuddyArena arena(policy, 8);
  // 1 and 2 are adjacent but belong to different pairs.
  arena.buddy.add_free_range(Pfn(1), Pfn(3));
  BOOST_TEST(arena.buddy.free_blocks(Order(0)) == 2u);
  BOOST_TEST(arena.buddy.free_blocks(Order(1)) == 0u);
}

BOOST_DATA_TEST_CASE(does_not_merge_over_its_ends, data::make(kBoth), policy) {
  BuddyArena arena(policy, 2048, 512);
  arena.memmap.page(Pfn(0)).set_head(PageState::kBuddy, Order(9));  // a neighbour zone's block
  arena.buddy.add_free_range(Pfn(512), Pfn(1024));
  BOOST_TEST(arena.buddy.free_blocks(Order(9)) == 1u);
  BOOST_TEST(arena.buddy.free_blocks(Order(10)) == 0u);
}

BOOST_DATA_TEST_CASE(a_range_with_odd_ends_becomes_the_largest_aligned_blocks, data::make(kBoth),
                     policy) {
  BuddyArena arena(policy, 64);
  arena.buddy.add_free_range(Pfn(3), Pfn(21));
  // 3, 4-7, 8-15, 16-19, 20
  BOOST_TEST(arena.blocks() == (Counts{2, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0}));
}

BOOST_DATA_TEST_CASE(nothing_left_is_null, data::make(kBoth), policy) {
  BuddyArena arena(policy, 4);
  BOOST_TEST(arena.buddy.take(Order(0)) == nullptr);
  arena.buddy.add_free_range(Pfn(0), Pfn(4));
  BOOST_TEST(arena.buddy.take(Order(3)) == nullptr);
  BOOST_TEST(!arena.buddy.has_block(Order(3)));
  BOOST_TEST(arena.buddy.has_block(Order(1)));
  arena.take(2);
  BOOST_TEST(arena.buddy.take(Order(0)) == nullptr);
}

BOOST_DATA_TEST_CASE(count_faults_sees_what_is_broken, data::make(kBoth), policy) {
  BuddyArena arena(policy, 16);
  arena.buddy.add_free_range(Pfn(0), Pfn(16));
  arena.take(0);
  Page& listed = arena.memmap.page(Pfn(2));
  BOOST_REQUIRE(listed.is_buddy(Order(1)));
  listed.set_head(PageState::kAllocated, Order(1));
  BOOST_TEST(arena.buddy.count_faults() > 0u);
  listed.set_head(PageState::kBuddy, Order(1));
  // Two free buddies side by side should have been one block.
  Page& twin = arena.memmap.page(Pfn(0));
  twin.set_head(PageState::kBuddy, Order(1));
  BOOST_TEST(arena.buddy.count_faults() > 0u);
  twin.set_head(PageState::kAllocated, Order(0));
}

// Random operations beside a model that knows each page's owner: blocks never overlap, are aligned,
// and are refused only when the model has no aligned free run of that size.
BOOST_DATA_TEST_CASE(agrees_with_a_model_that_knows_every_page,
                     data::xrange(20) * data::make(kBoth), seed, policy) {
  constexpr uint64_t kPages = 2048;
  BuddyArena arena(policy, kPages);
  arena.buddy.add_free_range(Pfn(0), Pfn(kPages));
  std::vector<bool> used(kPages);
  std::map<uint64_t, unsigned> live;
  Prng prng(static_cast<uint64_t>(seed));
  const auto free_run = [&](unsigned order) {
    for (uint64_t at = 0; at < kPages; at += uint64_t{1} << order) {
      bool free = true;
      for (uint64_t i = 0; i < uint64_t{1} << order; ++i) free &= !used[at + i];
      if (free) return true;
    }
    return false;
  };
  const auto mark = [&](uint64_t pfn, unsigned order, bool value) {
    for (uint64_t i = 0; i < uint64_t{1} << order; ++i) {
      BOOST_REQUIRE(used[pfn + i] != value);
      used[pfn + i] = value;
    }
  };
  for (int step = 0; step < 3000; ++step) {
    if (prng.chance(3, 5)) {
      const auto order = static_cast<unsigned>(prng.chance(1, 4) ? prng.below(11) : prng.below(3));
      Page* page = arena.buddy.take(Order(order));
      BOOST_REQUIRE((page != nullptr) == free_run(order));
      if (page == nullptr) continue;
      page->set_head(PageState::kAllocated, Order(order));
      const uint64_t pfn = arena.memmap.pfn_of(*page).value();
      BOOST_REQUIRE(pfn % (uint64_t{1} << order) == 0u);
      mark(pfn, order, true);
      live.emplace(pfn, order);
    } else if (!live.empty()) {
      auto victim = std::next(live.begin(), static_cast<ptrdiff_t>(prng.below(live.size())));
      mark(victim->first, victim->second, false);
      arena.put(Pfn(victim->first), victim->second);
      live.erase(victim);
    }
    if (step % 50 == 0) BOOST_REQUIRE(arena.buddy.count_faults() == 0u);
  }
  for (const auto& [pfn, order] : live) arena.put(Pfn(pfn), order);
  BOOST_TEST(arena.buddy.free_blocks(kMaxOrder) == 2u);
  BOOST_CHECK(arena.buddy.free_pages() == PageCount(kPages));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
