// What a moment of memory is told as, and the background that a replay begins with.

#include "harness/replay/page_map.h"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <utility>

#include "harness/replay/background.h"

namespace ring3::harness {
namespace {

using mm::Order;

struct PagesArena {
  explicit PagesArena(const mm::PagePolicy& policy = mm::kPackedPolicy, uint64_t mib = 64)
      : memory(std::move(mm::Memory::create({.size_bytes = mib << 20, .policy = &policy}).value())),
        types(memory->pages().total_pages()) {}

  mm::Page* alloc(mm::Gfp gfp, unsigned order) {
    mm::Page* page = memory->pages().alloc_pages(gfp, Order(order));
    types.set(memory->pages().pfn_of(page), mm::migratetype_of(gfp));
    return page;
  }
  PageMapSlice look() const { return look_at_pages(memory->pages(), types); }

  std::unique_ptr<mm::Memory> memory;
  PageTypes types;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_replay_page_map)

BOOST_AUTO_TEST_CASE(a_slice_says_what_is_in_use_of_each_pageblock) {
  PagesArena arena;
  BOOST_TEST(arena.look().used_pages() == 0u);
  BOOST_TEST(arena.look().whole_percent() == 100.0);
  BOOST_TEST(arena.look().mixed_percent() == 0.0);
  mm::Page* unmovable = arena.alloc(mm::kGfpKernel, 3);
  mm::Page* large = arena.alloc(mm::kGfpHighuserMovable, 10);
  const auto pfn = [&](const mm::Page* page) { return arena.memory->pages().pfn_of(page).value(); };
  PageMapSlice slice = arena.look();
  BOOST_TEST(slice.pageblocks.size() == 32u);
  BOOST_TEST(slice.pageblocks[pfn(unmovable) / 512].used == 8u);
  BOOST_TEST(slice.pageblocks[pfn(unmovable) / 512].types == 1u);
  for (const size_t half : {0u, 1u}) {
    BOOST_TEST(slice.pageblocks[pfn(large) / 512 + half].used == 512u);
    BOOST_TEST(slice.pageblocks[pfn(large) / 512 + half].types == 2u);
  }
  // 64 MiB less 4 MiB and 32 KiB: 29 whole ones of 29 that would be possible.
  BOOST_TEST(slice.used_pages() == 1032u);
  BOOST_TEST(slice.whole_percent() == 100.0);
  BOOST_TEST(slice.unusable()[10] > 0u);
  // Another type in the same pageblock, as a request that found no other would be given.
  arena.types.set(mm::Pfn(pfn(unmovable)), mm::Migratetype::kUnmovable);
  mm::Page* other = arena.alloc(mm::kGfpKernel, 0);
  arena.types.set(mm::Pfn(pfn(other)), mm::Migratetype::kReclaimable);
  slice = arena.look();
  BOOST_TEST(slice.pageblocks[pfn(unmovable) / 512].mixed());
  BOOST_TEST(slice.mixed_percent() == 100.0 / 3);
  arena.memory->pages().free_pages(unmovable, Order(3));
  arena.memory->pages().free_pages(large, Order(10));
  arena.memory->pages().free_pages(other, Order(0));
}

// The same seed asks for the same, so that policies meet the same past.
BOOST_AUTO_TEST_CASE(a_background_fills_to_the_degree_and_goes_without_a_trace) {
  for (const mm::PagePolicy* policy : mm::kPagePolicies) {
    for (const unsigned percent : {0u, 50u, 90u}) {
      PagesArena arena(*policy);
      Background background(arena.memory->pages(), arena.types, 7);
      background.fill(percent);
      const uint64_t wanted = 16384 * percent / 100;
      BOOST_TEST(background.in_use().value() >= wanted);
      BOOST_TEST(background.in_use().value() <= wanted + 31);
      BOOST_TEST(arena.look().used_pages() == background.in_use().value());
      background.free_all();
      arena.memory->pages().drain_all();
      BOOST_TEST(arena.look().used_pages() == 0u);
      BOOST_TEST(arena.memory->misuses() == 0u);
      BOOST_TEST(arena.memory->count_faults() == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_background_leaves_free_memory_in_pieces_and_of_all_types) {
  PagesArena arena(mm::kKernelPolicy, 256);
  Background background(arena.memory->pages(), arena.types, 7);
  background.fill(80);
  const PageMapSlice slice = arena.look();
  unsigned types = 0;
  for (const PageblockUse& use : slice.pageblocks) types |= use.types;
  BOOST_TEST(types == 7u);
  BOOST_TEST(slice.whole_percent() < 60.0);
  background.free_all();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
