// The packed policy: which block is given, and what is left of memory after a long life.

#include "mm/pages/packed_blocks.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "lib/prng.h"
#include "mm/pages/pages.h"
#include "tests/lib/cpu/pinned.h"
#include "tests/mm/pages/buddy_arena.h"
#include "tests/mm/pages/churn.h"

namespace ring3::mm {
namespace {

struct PackedArena : BuddyArena {
  PackedArena() : BuddyArena(kPackedPolicy, 8192) { free->add_free_range(Pfn(0), Pfn(8192)); }
  std::vector<Frame> batch(unsigned order, size_t wanted, Migratetype type = Migratetype::kMovable,
                           Reach reach = Reach::kMixing) {
    std::vector<Frame> heads(wanted);
    heads.resize(free->take(Order(order), type, reach, heads));
    return heads;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_packed_blocks)

BOOST_AUTO_TEST_CASE(a_pageblock_in_use_is_filled_before_another_is_broken) {
  PackedArena arena;
  BOOST_TEST(arena.take(0) == 0u);
  BOOST_TEST(arena.take(3) == 8u);
  // No room for it below: the second half of the block of order 10, which is whole itself.
  BOOST_TEST(arena.take(9) == 512u);
  for (Frame pfn = 1; pfn < 8; ++pfn) BOOST_TEST(arena.take(0) == pfn);
  BOOST_TEST(arena.take(0) == 16u);
}

BOOST_AUTO_TEST_CASE(the_lowest_pageblock_with_room_serves) {
  PackedArena arena;
  for (int i = 0; i < 4 * 512; ++i) arena.take(0);
  // Room for a page in the fourth, and then in the second, where the request goes.
  arena.put(3 * 512 + 7, 0);
  arena.put(512 + 100, 0);
  BOOST_TEST(arena.take(0) == 512u + 100);
  BOOST_TEST(arena.take(0) == 3 * 512u + 7);
  // The smallest that fits in it, not the lowest.
  for (Frame pfn = 0; pfn < 4; ++pfn) arena.put(pfn, 0);
  arena.put(9, 0);
  BOOST_TEST(arena.take(0) == 9u);
  BOOST_TEST(arena.take(0) == 0u);
}

BOOST_AUTO_TEST_CASE(a_request_too_large_for_what_is_in_use_breaks_the_lowest_whole_one) {
  PackedArena arena;
  arena.take(8);
  BOOST_TEST(arena.take(8) == 256u);
  BOOST_TEST(arena.take(8) == 512u);
  BOOST_TEST(arena.take(10) == 1024u);
}

BOOST_AUTO_TEST_CASE(a_batch_fills_what_is_in_use_and_breaks_a_whole_one_only_for_its_first) {
  PackedArena arena;
  BOOST_TEST(arena.batch(0, 3) == (std::vector<Frame>{0, 1, 2}));
  BOOST_TEST(arena.batch(8, 2) == (std::vector<Frame>{256}));
  BOOST_TEST(arena.batch(8, 2) == (std::vector<Frame>{512, 768}));
  // The smallest first: 3, then 4 to 7, then 8 to 15, of which the first two are enough.
  BOOST_TEST(arena.batch(0, 7) == (std::vector<Frame>{3, 4, 5, 6, 7, 8, 9}));
  // Of three pageblocks, one after the other.
  arena.put(512, 8);
  arena.put(256, 8);
  BOOST_TEST(arena.batch(7, 8) == (std::vector<Frame>{128, 256, 384, 512, 640}));
  BOOST_TEST(arena.batch(10, 100).size() == 7u);
  BOOST_TEST(arena.batch(9, 100).empty());
}

BOOST_AUTO_TEST_CASE(whole_pageblocks_pair_up_and_single_ones_go_first) {
  PackedArena arena;
  BOOST_TEST(arena.batch(9, 3) == (std::vector<Frame>{0, 512, 1024}));
  BOOST_TEST(arena.blocks(9) == 1u);
  BOOST_TEST(arena.take(10) == 2048u);
  arena.put(0, 9);
  BOOST_TEST(arena.take(9) == 0u);
  arena.put(512, 9);
  BOOST_TEST(arena.blocks(9) == 2u);
  arena.put(0, 9);
  BOOST_TEST(arena.blocks(9) == 1u);
  BOOST_TEST(arena.take(9) == 1536u);
  BOOST_TEST(arena.take(10) == 0u);
}

constexpr auto kUnmovable = Migratetype::kUnmovable;
constexpr auto kReclaimable = Migratetype::kReclaimable;

BOOST_AUTO_TEST_CASE(each_type_has_pageblocks_of_its_own_while_whole_ones_are_left) {
  PackedArena arena;
  BOOST_TEST(arena.take(0) == 0u);
  BOOST_TEST(arena.batch(0, 2, kUnmovable) == (std::vector<Frame>{512, 513}));
  BOOST_TEST(arena.batch(0, 1, kReclaimable) == (std::vector<Frame>{1024}));
  BOOST_TEST(arena.batch(0, 2) == (std::vector<Frame>{1, 2}));
  BOOST_CHECK(arena.memmap.type_of(Pfn(513)) == kUnmovable);
  BOOST_CHECK(arena.memmap.type_of(Pfn(1024)) == kReclaimable);
  // A pageblock that is whole again serves anybody.
  arena.put(1024, 0);
  BOOST_TEST(arena.batch(8, 3, kUnmovable) == (std::vector<Frame>{768}));
  BOOST_TEST(arena.batch(8, 3, kUnmovable) == (std::vector<Frame>{1024, 1280}));
  BOOST_TEST(arena.batch(9, 1, kReclaimable) == (std::vector<Frame>{1536}));
  BOOST_CHECK(arena.memmap.type_of(Pfn(1536)) == kReclaimable);
  BOOST_TEST(arena.batch(10, 1, kReclaimable) == (std::vector<Frame>{2048}));
  BOOST_CHECK(arena.memmap.type_of(Pfn(2560)) == kReclaimable);
}

BOOST_AUTO_TEST_CASE(a_type_without_room_takes_from_the_largest_free_block_of_another) {
  PackedArena arena;
  while (!arena.batch(0, 512).empty()) {
  }
  BOOST_TEST(arena.free->free_pages().value() == 0u);
  arena.put(4, 0);          // pageblock 0: a page
  arena.put(512 + 128, 7);  // pageblock 1: 128 pages
  arena.put(1024, 8);       // pageblock 2: half of it
  BOOST_TEST(arena.batch(0, 1, kUnmovable, Reach::kWhole).empty());
  BOOST_TEST(arena.batch(0, 1, Migratetype::kMovable, Reach::kOwn) == (std::vector<Frame>{4}));
  arena.put(4, 0);
  // The largest is in pageblock 2, which is free by half and so changes its type.
  BOOST_TEST(arena.batch(8, 1, kUnmovable) == (std::vector<Frame>{1024}));
  BOOST_CHECK(arena.memmap.type_of(Pfn(1024)) == kUnmovable);
  // Pageblock 1 is not, and lends blocks; what is left of it is still for movable ones.
  BOOST_TEST(arena.batch(0, 4, kUnmovable) == (std::vector<Frame>{640, 641, 642, 643}));
  BOOST_CHECK(arena.memmap.type_of(Pfn(640)) == Migratetype::kMovable);
  BOOST_TEST(arena.take(0) == 4u);
  // Movable ones take from unmovable pageblocks likewise.
  arena.batch(0, 124);
  arena.put(1024, 0);
  BOOST_TEST(arena.batch(0, 2) == (std::vector<Frame>{1024}));
  BOOST_CHECK(arena.memmap.type_of(Pfn(1024)) == kUnmovable);
}

BOOST_AUTO_TEST_CASE(what_is_free_already_is_left_out) {
  PackedArena arena;
  arena.batch(0, 4);
  arena.take(9);
  arena.take(10);
  const auto before = arena.blocks();
  // Twice in one batch, inside a free block, in a whole pageblock, over one that is partly free.
  std::vector<Frame> heads = {1, 2, 1, 77, 4096, 3};
  BOOST_TEST(arena.free->put(Order(0), heads) == 3u);
  std::ranges::sort(heads.begin(), heads.begin() + 3);
  BOOST_TEST(heads[0] == 1u);
  BOOST_TEST(heads[1] == 2u);
  BOOST_TEST(heads[2] == 3u);
  BOOST_TEST(arena.batch(0, 3) == (std::vector<Frame>{1, 2, 3}));
  for (const auto& [head, order] :
       {std::pair{Frame{0}, 3u}, {256, 8}, {0, 9}, {4096, 9}, {4096, 10}, {0, 10}}) {
    std::vector<Frame> one{head};
    BOOST_TEST(arena.free->put(Order(order), one) == 0u);
  }
  BOOST_TEST(arena.blocks() == before);
  BOOST_TEST(arena.free->count_faults() == 0u);
}

// Zone DMA32 of 3 GiB has a region for each of the CPUs; a request finds what there is in any.
BOOST_AUTO_TEST_CASE(blocks_come_from_all_regions_and_go_back_to_their_own) {
  const Topology topology = std::move(Topology::simulated(4, 1).value());
  const auto pages = std::move(
      PageAllocator::create(
          {.size_bytes = size_t{4} << 30, .topology = &topology, .policy = &kPackedPolicy})
          .value());
  const auto before = pages->free_blocks();
  std::vector<Page*> held;
  while (Page* page = pages->alloc_pages(kGfpHighuserMovable | kGfpFlagNofail, Order(9))) {
    held.push_back(page);
  }
  BOOST_TEST(held.size() == 2048u);
  Prng prng(1);
  for (size_t i = held.size(); i > 1; --i) std::swap(held[i - 1], held[prng.below(i)]);
  for (Page* page : held) pages->free_pages(page, Order(9));
  pages->drain_all();
  BOOST_TEST(pages->count_faults() == 0u);
  BOOST_CHECK(pages->free_blocks() == before);
}

// Of the two regions of zone DMA32, a CPU's own has whole pageblocks only, and the other one that
// is in use and has room.
BOOST_AUTO_TEST_CASE(what_another_region_has_in_use_is_filled_before_a_whole_pageblock_is_broken) {
  test::Pinned pinned(0);
  if (!pinned.move_to(0) || !pinned.move_to(1)) return;
  const Topology topology = std::move(Topology::simulated(8, 1).value());
  const auto pages = std::move(
      PageAllocator::create(
          {.size_bytes = size_t{1} << 30, .topology = &topology, .policy = &kPackedPolicy})
          .value());
  // Of an order of which CPUs keep nothing here.
  const auto take = [&](unsigned cpu) {
    BOOST_REQUIRE(pinned.move_to(cpu));
    return pages->alloc_pages(kGfpKernel, Order(8));
  };
  Page* first = take(0);
  Page* second = take(1);
  Page* third = take(1);
  const auto pageblock = [&](const Page* page) { return pages->pfn_of(page).value() / 512; };
  BOOST_TEST(pageblock(second) == pageblock(first));
  BOOST_TEST(pageblock(third) > pageblock(first) + 100);
  for (Page* page : {first, second, third}) pages->free_pages(page, Order(8));
}

// LLFree leaves 87 % by the same rules, the kernel's lists about one in a hundred.
BOOST_AUTO_TEST_CASE(memory_stays_in_whole_pageblocks) {
  constexpr size_t kBytes = size_t{256} << 20;
  BOOST_TEST(test::whole_after_churn(kPackedPolicy, kBytes) >= 97.0);
  BOOST_TEST(test::whole_after_churn(kKernelPolicy, kBytes) <= 20.0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
