#include <array>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <span>
#include <vector>

#include "lib/prng.h"
#include "mm/pages/pages.h"
#include "tests/mm/pages/buddy_arena.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

using Counts = std::vector<uint64_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_buddy)

BOOST_DATA_TEST_CASE(fresh_memory_is_blocks_of_the_highest_order, data::make(kTestedPolicies),
                     policy) {
  BuddyArena arena(*policy);
  arena.free->add_free_range(Pfn(0), Pfn(4096));
  BOOST_TEST(arena.blocks() == (Counts{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4}));
}

BOOST_DATA_TEST_CASE(splits_the_next_larger_block_and_keeps_the_upper_halves,
                     data::make(kTestedPolicies), policy) {
  BuddyArena arena(*policy, 1024);
  arena.free->add_free_range(Pfn(0), Pfn(1024));
  BOOST_TEST(arena.take(3) == 0u);
  BOOST_TEST(arena.blocks() == (Counts{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0}));
  // The next larger one that has a block is split, not the largest.
  BOOST_TEST(arena.take(2) == 8u);
  BOOST_TEST(arena.blocks() == (Counts{0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0}));
}

BOOST_DATA_TEST_CASE(merges_with_free_buddies_upward_until_none_is_free,
                     data::make(kTestedPolicies), policy) {
  BuddyArena arena(*policy, 1024);
  arena.free->add_free_range(Pfn(0), Pfn(1024));
  const Frame first = arena.take(0);
  const Frame second = arena.take(0);
  arena.put(first, 0);
  BOOST_TEST(arena.blocks(10) == 0u);
  arena.put(second, 0);
  BOOST_TEST(arena.blocks() == (Counts{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

BOOST_DATA_TEST_CASE(neighbours_that_are_no_buddies_stay_apart, data::make(kTestedPolicies),
                     policy) {
  BuddyArena arena(*policy, 8);
  // 1 and 2 are adjacent but belong to different pairs.
  arena.free->add_free_range(Pfn(1), Pfn(3));
  BOOST_TEST(arena.blocks(0) == 2u);
  BOOST_TEST(arena.blocks(1) == 0u);
}

BOOST_DATA_TEST_CASE(does_not_merge_over_its_ends, data::make(kTestedPolicies), policy) {
  BuddyArena arena(*policy, 2048, 512);
  arena.memmap.set_state(Pfn(0), FrameState::buddy(Order(9)));  // a neighbour zone's block
  arena.free->add_free_range(Pfn(512), Pfn(1024));
  BOOST_TEST(arena.blocks(9) == 1u);
  BOOST_TEST(arena.blocks(10) == 0u);
}

BOOST_DATA_TEST_CASE(a_range_with_odd_ends_becomes_the_largest_aligned_blocks,
                     data::make(kTestedPolicies), policy) {
  BuddyArena arena(*policy, 64);
  arena.free->add_free_range(Pfn(3), Pfn(21));
  // 3, 4-7, 8-15, 16-19, 20
  BOOST_TEST(arena.blocks() == (Counts{2, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0}));
}

BOOST_DATA_TEST_CASE(nothing_left_is_nothing, data::make(kTestedPolicies), policy) {
  BuddyArena arena(*policy, 4);
  Frame head;
  BOOST_TEST(!arena.try_take(0, head));
  BOOST_TEST(arena.free->orders() == 0u);
  arena.free->add_free_range(Pfn(0), Pfn(4));
  BOOST_TEST(!arena.try_take(3, head));
  BOOST_TEST(arena.free->orders() == 3u);
  arena.take(2);
  BOOST_TEST(!arena.try_take(0, head));
}

// The state of the head of every free block, and so of all that could be taken next.
BOOST_DATA_TEST_CASE(count_faults_sees_what_is_broken, data::make(kPagePolicies), policy) {
  BuddyArena arena(*policy, 16);
  arena.free->add_free_range(Pfn(0), Pfn(16));
  arena.take(0);
  for (const uint64_t head : {1u, 2u, 4u, 8u}) {
    const FrameState right = arena.memmap.state(Pfn(head));
    arena.memmap.set_state(Pfn(head), FrameState::allocated(Order(1)));
    BOOST_TEST(arena.free->count_faults() > 0u);
    arena.memmap.set_state(Pfn(head), right);
  }
}

// A whole allocator over each: random blocks of all orders, until nothing is left, twice.
BOOST_DATA_TEST_CASE(an_allocator_works_over_any_policy, data::make(kTestedPolicies), policy) {
  const auto pages =
      std::move(PageAllocator::create({.size_bytes = size_t{32} << 20, .policy = policy}).value());
  const auto before = pages->free_blocks();
  Prng prng(1);
  for (int round = 0; round < 2; ++round) {
    std::vector<std::pair<Page*, Order>> held;
    for (int failures = 0; failures < 50;) {
      const Order order(static_cast<unsigned>(prng.below(kOrders)));
      if (Page* page = pages->alloc_pages(kGfpKernel | kGfpFlagNowarn, order)) {
        held.emplace_back(page, order);
      } else {
        ++failures;
      }
    }
    BOOST_TEST(pages->count_faults() == 0u);
    for (size_t i = held.size(); i > 1; --i) std::swap(held[i - 1], held[prng.below(i)]);
    for (const auto& [page, order] : held) pages->free_pages(page, order);
    pages->drain_all();
    BOOST_TEST(pages->count_faults() == 0u);
    BOOST_TEST(pages->misuses() == 0u);
    BOOST_CHECK(pages->free_blocks() == before);
  }
}

BOOST_AUTO_TEST_CASE(two_free_buddies_side_by_side_are_a_fault) {
  BuddyArena arena(kKernelPolicy, 16);
  arena.free->add_free_range(Pfn(0), Pfn(16));
  arena.take(0);
  arena.memmap.set_state(Pfn(0), FrameState::buddy(Order(0)));  // and so is its buddy
  BOOST_TEST(arena.free->count_faults() > 0u);
  arena.memmap.set_state(Pfn(0), FrameState::allocated(Order(0)));
}

// Random operations beside a model that knows each page's owner: blocks never overlap, are aligned,
// and are refused only when the model has no aligned free run of that size.
BOOST_DATA_TEST_CASE(agrees_with_a_model_that_knows_every_page,
                     data::xrange(20) * data::make(kTestedPolicies), seed, policy) {
  constexpr uint64_t kPages = 2048;
  BuddyArena arena(*policy, kPages);
  arena.free->add_free_range(Pfn(0), Pfn(kPages));
  std::vector<bool> used(kPages);
  std::map<Frame, unsigned> live;
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
      // One, or a batch, which may be less than was asked for.
      std::array<Frame, 40> heads;
      const size_t wanted = prng.chance(1, 4) ? 1 + prng.below(heads.size()) : 1;
      const auto type = static_cast<Migratetype>(prng.below(kRequestTypes));
      const size_t taken =
          arena.free->take(Order(order), type, Reach::kMixing, std::span(heads).first(wanted));
      BOOST_REQUIRE((taken != 0 || !free_run(order)));
      for (const Frame head : std::span(heads).first(taken)) {
        BOOST_REQUIRE(head % (Frame{1} << order) == 0u);
        BOOST_REQUIRE((arena.memmap.state(Pfn(head)) == FrameState()));
        arena.memmap.set_state(Pfn(head), FrameState::allocated(Order(order)));
        mark(head, order, true);
        live.emplace(head, order);
      }
    } else if (!live.empty()) {
      auto victim = std::next(live.begin(), static_cast<ptrdiff_t>(prng.below(live.size())));
      const auto [first, order] = *victim;
      // It, and with it those of its order that follow, up to a batch.
      std::vector<Frame> heads;
      const size_t wanted = prng.chance(1, 4) ? 1 + prng.below(40) : 1;
      while (victim != live.end() && victim->second == order && heads.size() < wanted) {
        mark(victim->first, order, false);
        arena.memmap.set_state(Pfn(victim->first), {});
        heads.push_back(victim->first);
        victim = live.erase(victim);
      }
      BOOST_REQUIRE(arena.free->put(Order(order), heads) == heads.size());
    }
    if (step % 50 == 0) {
      BOOST_REQUIRE(arena.free->count_faults() == 0u);
      unsigned orders = kOrders;
      while (orders > 0 && !free_run(orders - 1)) --orders;
      BOOST_REQUIRE(arena.free->orders() == orders);
    }
  }
  for (const auto& [head, order] : live) arena.put(head, order);
  BOOST_TEST(arena.blocks(10) == 2u);
  BOOST_CHECK(arena.free->free_pages() == PageCount(kPages));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
