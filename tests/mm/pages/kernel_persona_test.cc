// What versions of the kernel do differently, a rule each, and what they all do alike.

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <ostream>
#include <utility>
#include <vector>

#include "lib/prng.h"
#include "tests/mm/pages/zone_arena.h"

namespace data = boost::unit_test::data;

namespace ring3::mm::rules {

static std::ostream& operator<<(std::ostream& out, const Persona& persona) {
  return out << persona.version;
}

}  // namespace ring3::mm::rules

namespace ring3::mm {
namespace {

const rules::Persona& k61 = *rules::persona_of("6.1");
const rules::Persona& k612 = *rules::persona_of("6.12");
const rules::Persona& k618 = *rules::persona_of("6.18");

constexpr auto kU = Migratetype::kUnmovable;
constexpr auto kM = Migratetype::kMovable;
constexpr auto kH = Migratetype::kHighatomic;

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_kernel_persona)

// Eight pages are free in a pageblock full of movable ones: an unmovable request takes one of them,
// and cannot have the block.
BOOST_DATA_TEST_CASE(where_the_rest_of_a_foreign_block_goes, data::make(rules::kPersonas),
                     persona) {
  ZoneArena arena(512, {}, persona);
  Buddy& buddy = arena.zone.buddy();
  arena.put(arena.fill_pageblock(kM, true), 3);
  BOOST_TEST((buddy.take_one(Order(0), kU) == Pfn(0)));
  BOOST_CHECK(buddy.type_of(Pfn(0)) == kM);
  const Migratetype kept = persona.typed_lists ? kM : kU;
  const Migratetype other = persona.typed_lists ? kU : kM;
  for (const unsigned order : {0u, 1u, 2u}) {
    BOOST_TEST(buddy.has_free(Order(order), kept));
    BOOST_TEST(!buddy.has_free(Order(order), other));
  }
  // What comes back goes where the pageblock's other pages go.
  arena.put(Pfn(0), 0);
  BOOST_TEST(buddy.has_free(Order(3), kM));
}

// The largest foreign block may be claimed by its size, but what lies beside it forbids that.
BOOST_DATA_TEST_CASE(whether_the_smallest_block_is_stolen_or_the_largest,
                     data::make(rules::kPersonas), persona) {
  ZoneArena arena(1024, {}, persona);
  Buddy& buddy = arena.zone.buddy();
  const Pfn first = arena.fill_pageblock(kU, false);
  const Pfn second = arena.fill_pageblock(kU, false);
  arena.put(first + PageCount(64), 5);
  arena.put(second + PageCount(7), 0);
  const Pfn taken = buddy.take_one(Order(0), kM);
  BOOST_TEST((taken == (persona.claims_first ? second + PageCount(7) : first + PageCount(64))));
}

// In the first pageblock lies the largest free block, in the second more than half is free.
BOOST_DATA_TEST_CASE(whether_a_smaller_block_s_pageblock_is_looked_at, data::make(rules::kPersonas),
                     persona) {
  ZoneArena arena(1024, {}, persona);
  Buddy& buddy = arena.zone.buddy();
  const Pfn first = arena.fill_pageblock(kM, true);
  const Pfn second = arena.fill_pageblock(kM, true);
  arena.put(first, 6);
  for (unsigned i = 0; i < 8; ++i) arena.put(second + PageCount(64 * i), 5);
  const Pfn taken = buddy.take_one(Order(0), kU);
  BOOST_TEST((taken == (persona.claims_first ? second : first)));
  BOOST_CHECK(buddy.type_of(first) == kM);
  BOOST_CHECK(buddy.type_of(second) == (persona.claims_first ? kU : kM));
}

// Each pageblock that is looked into raises the marks; a block that is taken and no more, only
// where it was looked into first.
BOOST_AUTO_TEST_CASE(how_often_marks_are_raised) {
  const auto boost_after = [](const rules::Persona& persona, Migratetype type) {
    ZoneArena arena(4096, {}, persona, 1'000'000);
    for (unsigned i = 0; i < 8; ++i) {
      const Pfn pfn = arena.fill_pageblock(type == kM ? kU : kM, true);
      if (i == 0) arena.put(pfn, 3);
      if (i == 1) arena.put(pfn, 2);
    }
    arena.zone.buddy().take_one(Order(0), type);
    return arena.zone.buddy().boost();
  };
  BOOST_TEST(boost_after(k61, kU) == 512u);
  BOOST_TEST(boost_after(k612, kU) == 512u);
  BOOST_TEST(boost_after(k618, kU) == 1024u);
  BOOST_TEST(boost_after(k612, kM) == 512u);
  BOOST_TEST(boost_after(k618, kM) == 0u);
}

// A page waits on a CPU's list while its pageblock becomes another type's.
BOOST_DATA_TEST_CASE(as_what_a_cpu_s_list_gives_pages_back, data::make(rules::kPersonas), persona) {
  ZoneArena arena(1024, {.high = {8, 8}, .batch = 2}, persona);
  Buddy& buddy = arena.zone.buddy();
  const Pfn first = arena.fill_pageblock(kM, true);
  arena.fill_pageblock(kM, true);
  for (unsigned i = 0; i < 7; ++i) arena.zone.free(first + PageCount(2 * i), Order(0));
  BOOST_TEST(arena.zone.pcp().count() == 7u);
  buddy.set_type(first, kU);
  arena.zone.free(first + PageCount(100), Order(0));
  // This page, and those that have waited longest: a batch, or what came in a row, less a batch.
  BOOST_TEST(buddy.free_pages_of(kU).value() == (persona.typed_lists ? 6u : 1u));
  BOOST_TEST(buddy.free_pages_of(kM).value() == (persona.typed_lists ? 0u : 1u));
}

BOOST_AUTO_TEST_CASE(a_block_of_two_types_becomes_one_of_the_later) {
  ZoneArena arena(1024, {}, k612);
  Buddy& buddy = arena.zone.buddy();
  BOOST_TEST((buddy.take_one(Order(10), kM) == Pfn(0)));
  buddy.set_type(Pfn(512), kU);
  arena.put(Pfn(0), 10);
  BOOST_TEST(buddy.has_free(Order(10), kU));
  BOOST_CHECK(buddy.type_of(Pfn(0)) == kU);
  // Not with what is kept for those in need.
  BOOST_TEST((buddy.take_one(Order(10), kU) == Pfn(0)));
  buddy.set_type(Pfn(0), kH);
  arena.put(Pfn(0), 10);
  BOOST_TEST(buddy.has_free(Order(9), kH));
  BOOST_TEST(buddy.has_free(Order(9), kU));
}

// A zone whose start or end cuts a pageblock.
BOOST_AUTO_TEST_CASE(a_pageblock_that_is_not_all_the_zone_s) {
  for (const rules::Persona* persona : {&k61, &k612}) {
    FrameTables tables = std::move(FrameTables::create(PageCount(1024)).value());
    Buddy buddy(tables.memmap(nullptr), Pfn(128), Pfn(640), kPageblockOrder, *persona);
    buddy.add_free_range(Pfn(128), Pfn(640));
    BOOST_TEST(!buddy.move_pageblock(Pfn(512), kU));
    BOOST_TEST(buddy.move_pageblock(Pfn(128), kU) == !persona->typed_lists);
    BOOST_TEST(buddy.count_faults() == 0u);
  }
}

// ---- The highatomic reserve. ----

BOOST_AUTO_TEST_CASE(the_most_that_is_kept_for_those_in_need) {
  const auto most = [](const rules::Persona& persona, uint64_t managed) {
    return rules::most_highatomic(persona, PageCount(managed), kPageblockOrder);
  };
  BOOST_TEST(most(k61, 10'000) == 100 + 512u);
  BOOST_TEST(most(k612, 51'199) == 0u);
  BOOST_TEST(most(k612, 51'200) == 512u);
  BOOST_TEST(most(k618, 60'000) == 1024u);
}

// One pageblock is reserved, of which 510 pages are in use by then.
BOOST_AUTO_TEST_CASE(others_are_kept_from_what_is_free_of_it) {
  for (const rules::Persona* persona : {&k61, &k612}) {
    ZoneArena arena(57'344, {}, *persona);
    arena.take_all(kMovable, 9);
    arena.take_all(kMovable, 0);
    // Below the low mark: such a request is served by the min mark, and reserves.
    BOOST_TEST((arena.zone.alloc(kHigh, Order(1)) != kNoPfn));
    BOOST_TEST(arena.zone.highatomic_pages() == 512u);
    arena.put(Pfn(0), 9);  // 512 pages more
    const size_t got = arena.take_all(kNeither, 0).size();
    const uint64_t free_of_reserve = arena.zone.buddy().free_pages_of(kH).value();
    const uint64_t free = arena.zone.buddy().free_pages().value();
    BOOST_TEST(free_of_reserve == 14u);
    if (persona->reserves_what_is_free) {
      BOOST_TEST(free == 16 + 14u);
    } else {
      BOOST_TEST(free == 512 + 14u);  // the mark and the whole reserve are more than that
      BOOST_TEST(got == 0u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_page_for_those_in_need_passes_a_boost) {
  for (const rules::Persona* persona : {&k61, &k612, &k618}) {
    ZoneArena arena(4096, {}, *persona);
    arena.take_all(kMovable, 0);
    arena.zone.buddy().restore_boost(1000);
    BOOST_TEST((arena.zone.alloc(kHigh | kGfpFlagMovable, Order(0)) != kNoPfn) ==
               persona->high_passes_boost);
    BOOST_TEST((arena.zone.alloc(kHigh | kGfpFlagMovable, Order(1)) == kNoPfn));
  }
}

// ---- CPUs' lists. ----

BOOST_AUTO_TEST_CASE(refills_double_until_the_list_is_full) {
  ZoneArena arena(4096, {.high = {64, 512}, .batch = 8}, k612);
  KernelPcp& pcp = arena.zone.pcp();
  std::vector<uint64_t> refills;
  for (unsigned i = 0; i < 1000; ++i) {
    const bool refill = pcp.count() == 0;
    arena.zone.alloc(kMovable, Order(0));
    if (refill) refills.push_back(pcp.count() + 1);
  }
  const std::vector<uint64_t> expected = {8, 16, 32, 64, 128, 256, 256, 256};
  BOOST_TEST(refills == expected, boost::test_tools::per_element());
  BOOST_TEST(pcp.tuning().high == 512u);
  // A free in between halves the next one: 8 << (5 / 2).
  while (pcp.count() != 0) arena.zone.alloc(kMovable, Order(0));
  arena.zone.free(Pfn(0), Order(0));
  arena.zone.alloc(kMovable, Order(0));
  arena.zone.alloc(kMovable, Order(0));
  BOOST_TEST(pcp.count() + 1 == 8u << 2);
}

BOOST_AUTO_TEST_CASE(a_refill_keeps_to_what_the_list_may_hold) {
  ZoneArena arena(4096, {.high = {40, 40}, .batch = 8}, k612);
  KernelPcp& pcp = arena.zone.pcp();
  pcp.restore({.high = 40, .alloc_factor = 5});
  arena.zone.alloc(kMovable, Order(0));
  BOOST_TEST(pcp.count() + 1 == 32u);  // 40 less a batch
  arena.zone.alloc(kMovable, Order(2));
  BOOST_TEST(pcp.count() + 5 == 32 + 8u);  // of order 2, a batch's pages
}

BOOST_AUTO_TEST_CASE(the_longer_pages_come_back_the_more_go_at_a_time) {
  ZoneArena arena(4096, {.high = {32, 256}, .batch = 8}, k612);
  KernelPcp& pcp = arena.zone.pcp();
  std::vector<Pfn> pages;
  for (unsigned i = 0; i < 1024; ++i) pages.push_back(arena.zone.buddy().take_one(Order(0), kM));
  std::vector<uint64_t> gone;
  uint64_t before = 0;
  for (const Pfn pfn : pages) {
    arena.zone.free(pfn, Order(0));
    if (pcp.count() <= before) gone.push_back(before + 1 - pcp.count());
    before = pcp.count();
  }
  // At 32 pages, 24 of them; then the limit follows what has come in a row, and leaves a batch.
  BOOST_TEST(gone.front() == 24u);
  BOOST_TEST(pcp.tuning().high == 256u);
  BOOST_TEST(gone.back() == 248u);
  BOOST_TEST(pcp.tuning().free_count == 8u << 5);
}

// Blocks of an order of which an empty list takes a few: all that a run of them brings goes.
BOOST_AUTO_TEST_CASE(a_run_of_small_orders_empties_the_lists) {
  const auto kept_after = [](const rules::Persona& persona, unsigned blocks) {
    ZoneArena arena(4096, {.high = {64, 512}, .batch = 8}, persona);
    std::vector<Pfn> taken;
    for (unsigned i = 0; i < blocks; ++i) {
      taken.push_back(arena.zone.buddy().take_one(Order(1), kM));
    }
    for (const Pfn pfn : taken) arena.zone.free(pfn, Order(1));
    return arena.zone.pcp().count();
  };
  BOOST_TEST(kept_after(k612, 4) == 8u);
  BOOST_TEST(kept_after(k612, 5) == 0u);  // a batch has come before
  BOOST_TEST(kept_after(k618, 20) == 40u);
  BOOST_TEST(kept_after(k618, 21) == 0u);  // and half of the least high
}

// Until more than the high mark, 24 pages, is free again, each free gives back a batch.
BOOST_AUTO_TEST_CASE(a_zone_that_runs_low_has_its_lists_emptied) {
  ZoneArena arena(512, {.high = {8, 128}, .batch = 4}, k612);
  KernelPcp& pcp = arena.zone.pcp();
  const std::vector<Pfn> all = arena.take_all(kMovable, 0);
  // What is on the list is no help: it is not counted as free.
  const uint64_t count = pcp.count();
  BOOST_TEST(count > 100u);
  BOOST_TEST(pcp.tuning().high == 128u);
  const uint64_t free = arena.zone.buddy().free_pages().value();
  BOOST_TEST(free <= 16u);
  unsigned frees = 0;
  for (; arena.zone.buddy().free_pages().value() <= 24; ++frees)
    arena.zone.free(all[frees], Order(0));
  BOOST_TEST(arena.zone.buddy().free_pages().value() == free + 4 * frees);
  BOOST_TEST(pcp.count() == count - 3 * frees);
  BOOST_TEST(pcp.tuning().high == 128 - 4 * frees);
  arena.zone.free(all[frees], Order(0));
  BOOST_TEST(pcp.count() == count - 3 * frees + 1);
  BOOST_TEST(pcp.tuning().high == 128 - 4 * frees);
}

// ---- What holds in all of them. ----

BOOST_DATA_TEST_CASE(random_requests_keep_the_lists_right,
                     data::make(rules::kPersonas) * data::make({false, true}), persona, lists) {
  ZoneArena arena(57'344, lists ? KernelPcp::Sizes{{64, 512}, 8} : KernelPcp::Sizes{}, persona,
                  15'000);
  Buddy& buddy = arena.zone.buddy();
  const PageCount before = buddy.free_pages();
  std::vector<std::pair<Pfn, Order>> live;
  uint64_t pages = 0;
  Prng prng(17);
  for (unsigned i = 0; i < 30'000; ++i) {
    if (live.empty() || prng.below(8) < (pages < 54'000 ? 6u : 2u)) {
      constexpr std::array<unsigned, 10> kOrdersAsked = {0, 0, 0, 0, 1, 2, 3, 5, 9, 10};
      const Order order(kOrdersAsked[prng.below(kOrdersAsked.size())]);
      constexpr std::array<Gfp, 4> kGfps = {kNeither, kMovable, kMovable,
                                            kNeither | kGfpFlagReclaimable};
      const Gfp gfp = prng.below(8) == 0 ? kHigh : kGfps[prng.below(kGfps.size())];
      const Pfn pfn = arena.zone.alloc(gfp, order);
      if (pfn == kNoPfn) continue;
      arena.zone.set_lru(pfn, order, migratetype_of(gfp) == kM);
      live.emplace_back(pfn, order);
      pages += order.pages().value();
    } else {
      std::swap(live[prng.below(live.size())], live.back());
      const auto [pfn, order] = live.back();
      live.pop_back();
      arena.zone.set_lru(pfn, order, false);
      arena.zone.free(pfn, order);
      pages -= order.pages().value();
    }
    if (i % 1000 == 0) BOOST_TEST(buddy.count_faults() == 0u);
  }
  for (const auto& [pfn, order] : live) arena.zone.free(pfn, order);
  BOOST_TEST(buddy.free_pages().value() + arena.zone.pcp().count() == before.value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
