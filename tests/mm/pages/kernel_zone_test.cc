// Rules of the kernel's zone that recorded runs seldom meet, each by itself; the runs are in
// tests/harness/pages.

#include "mm/pages/kernel_zone.h"

#include <boost/test/unit_test.hpp>

#include "tests/mm/pages/zone_arena.h"

namespace ring3::mm {

BOOST_AUTO_TEST_SUITE(mm_pages_kernel_zone)

BOOST_AUTO_TEST_CASE(marks_stop_a_request_at_the_min_mark_and_one_in_need_deeper) {
  ZoneArena arena;
  arena.take_all(kMovable, 0);
  // Strictly more than the mark stays.
  BOOST_TEST(arena.zone.buddy().free_pages().value() == 16u);
  arena.take_all(kGfpFlagHigh | kGfpFlagNowarn | kGfpFlagMovable, 0);
  BOOST_TEST(arena.zone.buddy().free_pages().value() == 6u);  // 16, less a half, less a quarter
}

BOOST_AUTO_TEST_CASE(a_request_that_must_not_mix_types_takes_whole_pageblocks_only) {
  ZoneArena arena(1024);
  Buddy& buddy = arena.zone.buddy();
  const auto take = [&](Migratetype type) { return buddy.take_one(Order(0), type, Reach::kWhole); };
  // The block of order 10 changes its type as it is; then there is nothing for others.
  const Pfn pfn = take(Migratetype::kUnmovable);
  BOOST_CHECK(pfn == Pfn(0));
  BOOST_CHECK(buddy.type_of(Pfn(512)) == Migratetype::kUnmovable);
  buddy.take_one(Order(9), Migratetype::kUnmovable);
  BOOST_CHECK(take(Migratetype::kMovable) == kNoPfn);
  BOOST_CHECK(buddy.take_one(Order(0), Migratetype::kMovable) != kNoPfn);
}

// The zone has 3 whole pageblocks and 100 pages of a fourth.
BOOST_AUTO_TEST_CASE(a_pageblock_that_the_zone_s_end_cuts_keeps_its_type_and_its_blocks) {
  ZoneArena arena(3 * 512 + 100);
  Buddy& buddy = arena.zone.buddy();
  for (int i = 0; i < 3; ++i)
    BOOST_TEST((buddy.take_one(Order(9), Migratetype::kMovable) != kNoPfn));
  BOOST_TEST((buddy.take_one(Order(2), Migratetype::kUnmovable) != kNoPfn));
  BOOST_CHECK(buddy.type_of(Pfn(3 * 512)) == Migratetype::kMovable);
  // What was found went over, and what it was cut into; the others stayed.
  BOOST_TEST(!buddy.has_free(Order(6), Migratetype::kMovable));
  BOOST_TEST(buddy.has_free(Order(5), Migratetype::kMovable));
  BOOST_TEST(buddy.has_free(Order(5), Migratetype::kUnmovable));
}

BOOST_AUTO_TEST_CASE(a_pageblock_of_which_half_is_free_changes_its_type_with_all_that_is_free) {
  ZoneArena arena(512 + 512);
  Buddy& buddy = arena.zone.buddy();
  BOOST_TEST((buddy.take_one(Order(9), Migratetype::kMovable) == Pfn(0)));
  BOOST_TEST((buddy.take_one(Order(7), Migratetype::kMovable) == Pfn(512)));
  BOOST_TEST((buddy.take_one(Order(0), Migratetype::kUnmovable) == Pfn(640)));
  BOOST_CHECK(buddy.type_of(Pfn(512)) == Migratetype::kUnmovable);
  BOOST_CHECK(buddy.type_of(Pfn(0)) == Migratetype::kMovable);
  BOOST_TEST(!buddy.has_free(Order(8), Migratetype::kMovable));
  BOOST_TEST(buddy.has_free(Order(8), Migratetype::kUnmovable));
}

// What it cannot have the rest of, a movable request takes as small as it can get it.
BOOST_AUTO_TEST_CASE(a_movable_request_takes_the_smallest_of_small_foreign_blocks) {
  ZoneArena arena(1024);
  Buddy& buddy = arena.zone.buddy();
  BOOST_TEST((buddy.take_one(Order(10), Migratetype::kMovable) == Pfn(0)));
  buddy.set_type(Pfn(0), Migratetype::kUnmovable);
  buddy.put_one(Pfn(0), Order(3), Migratetype::kUnmovable);
  buddy.put_one(Pfn(16), Order(2), Migratetype::kUnmovable);
  BOOST_TEST((buddy.take_one(Order(0), Migratetype::kMovable) == Pfn(16)));
  BOOST_TEST(buddy.has_free(Order(3), Migratetype::kUnmovable));
  BOOST_TEST(buddy.has_free(Order(1), Migratetype::kMovable));
}

// A request that passes the marks and finds nothing is tried three times, each of which asks the
// CPU's list, and so slows down what goes back from it.
BOOST_AUTO_TEST_CASE(a_request_is_tried_three_times) {
  ZoneArena arena(1024, {.high = {64, 64}, .batch = 8});
  Buddy& buddy = arena.zone.buddy();
  BOOST_TEST((buddy.take_one(Order(10), Migratetype::kMovable) == Pfn(0)));
  buddy.set_type(Pfn(0), Migratetype::kHighatomic);
  buddy.put_one(Pfn(0), Order(9), Migratetype::kHighatomic);
  arena.zone.pcp().restore({.high = 64, .free_factor = rules::kBatchScaleMax});
  BOOST_TEST((arena.zone.alloc(kMovable, Order(0)) == kNoPfn));
  BOOST_TEST(arena.zone.pcp().tuning().free_factor == 0u);  // 5, 2, 1, 0
  BOOST_TEST((arena.zone.alloc(kGfpFlagHigh | kGfpFlagMovable, Order(0)) == Pfn(0)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
