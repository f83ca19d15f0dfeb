// Many pages by one call, and as many in a row as somebody needs.

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <vector>

#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {
namespace {

struct BulkFixture : PagesFixture {
  void free_all(std::span<Page*> all) {
    for (Page*& page : all) free(std::exchange(page, nullptr), 0);
  }
  // Zone pages whose watermark is in the way.
  uint64_t zone_free(const char* name) const {
    for (const ZoneFacts& zone : pages->zone_facts()) {
      if (zone.name == name) return zone.free;
    }
    return 0;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_pages_page_bulk, BulkFixture)

BOOST_AUTO_TEST_CASE(the_null_slots_are_filled_with_pages_of_their_own) {
  Page* mine = alloc(kGfpKernel, 0);
  std::vector<Page*> slots(1000, nullptr);
  slots[0] = slots[500] = mine;
  BOOST_TEST(pages->alloc_pages_bulk(kGfpKernel | kGfpFlagZero, slots) == 1000u);
  std::set<Page*> distinct(slots.begin(), slots.end());
  BOOST_TEST(distinct.size() == 999u);
  BOOST_CHECK(slots[500] == mine);
  for (Page* page : distinct) {
    BOOST_CHECK(pages->memmap().state_of(*page) == FrameState::allocated(Order(0)));
    if (page == mine) continue;
    const auto* bytes = static_cast<const char*>(pages->address_of(page));
    BOOST_REQUIRE(std::all_of(bytes, bytes + kPageSize, [](char byte) { return byte == 0; }));
  }
  slots[500] = nullptr;
  free_all(slots);
}

// However many come at once.
BOOST_AUTO_TEST_CASE(no_slot_is_left_over) {
  for (const size_t count : {1u, 2u, 3u, 255u, 256u, 257u, 512u, 513u}) {
    std::vector<Page*> slots(count, nullptr);
    BOOST_TEST(pages->alloc_pages_bulk(kGfpKernel, slots) == count);
    free_all(slots);
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_asked_for_where_no_slot_is_null) {
  BOOST_TEST(pages->alloc_pages_bulk(kGfpKernel, {}) == 0u);
  std::array<Page*, 2> full = {alloc(kGfpKernel, 0), alloc(kGfpKernel, 0)};
  const uint64_t before = pages->count_of(PageEvent::kMmPageAlloc);
  BOOST_TEST(pages->alloc_pages_bulk(kGfpKernel, full) == 2u);
  BOOST_TEST(pages->count_of(PageEvent::kMmPageAlloc) == before);
  free_all(full);
}

// Counted to the page, so that what was allocated is freed.
BOOST_AUTO_TEST_CASE(every_page_is_counted) {
  const uint64_t allocs = pages->count_of(PageEvent::kMmPageAlloc);
  const uint64_t frees = pages->count_of(PageEvent::kMmPageFree);
  std::vector<Page*> slots(777, nullptr);
  BOOST_TEST(pages->alloc_pages_bulk(kGfpKernel, slots) == 777u);
  BOOST_TEST(pages->count_of(PageEvent::kMmPageAlloc) == allocs + 777);
  free_all(slots);
  BOOST_TEST(pages->count_of(PageEvent::kMmPageFree) == frees + 777);
}

// The zone has to have all of it above its low mark; else one page comes by the long way.
BOOST_AUTO_TEST_CASE(more_than_a_zone_may_give_is_one_page) {
  std::vector<Page*> slots(pages->total_pages().value(), nullptr);
  BOOST_TEST(pages->alloc_pages_bulk(kGfpKernel, slots) == 1u);
  free_all(std::span(slots).first(1));
  // A small one goes to a zone further down.
  std::vector<Page*> held;
  while (Page* page = alloc((kGfpDma32 | kGfpKernel) - kGfpFlagDirectReclaim, 0)) {
    held.push_back(page);
    if (zone_of(page) == ZoneType::kDma) break;
  }
  BOOST_TEST(pages->alloc_pages_bulk(kGfpKernel, std::span(slots).first(100)) == 100u);
  for (Page* page : std::span(slots).first(100)) {
    BOOST_CHECK(zone_of(page) == ZoneType::kDma);
  }
  free_all(std::span(slots).first(100));
  free_all(held);
}

BOOST_AUTO_TEST_CASE(a_wrong_request_is_reported_and_an_injected_fault_fails_it_whole) {
  std::array<Page*, 4> slots{};
  BOOST_TEST(pages->alloc_pages_bulk(kGfpDma | kGfpDma32, slots) == 0u);
  BOOST_TEST(pages->misuses() == 1u);
  pages->fail_page_alloc().arm({.attributes = {.probability = 100}}, 1);
  BOOST_TEST(pages->alloc_pages_bulk(kGfpKernel, slots) == 0u);
  BOOST_TEST(pages->fail_page_alloc().injected() == 1u);
}

BOOST_AUTO_TEST_CASE(exact_is_as_many_pages_in_a_row_and_no_more) {
  for (const size_t bytes : {size_t{1}, kPageSize, kPageSize + 1, 5 * kPageSize, 33 * kPageSize,
                             512 * kPageSize - 1, kMaxOrder.bytes()}) {
    const size_t count = div_round_up(bytes, kPageSize);
    const PageCount before = pages->allocated_pages();
    void* address = pages->alloc_pages_exact(bytes, kGfpKernel);
    BOOST_REQUIRE(address != nullptr);
    std::memset(address, 0x5a, count * kPageSize);
    BOOST_TEST((pages->allocated_pages() - before).value() == count);
    // Each is a page of its own.
    const Pfn first = pages->pfn_of(pages->memmap().page_of(address));
    for (size_t i = 0; i < count; ++i) {
      BOOST_CHECK(pages->memmap().state(first + PageCount(i)) == FrameState::allocated(Order(0)));
    }
    pages->free_pages_exact(address, bytes);
    BOOST_CHECK(pages->allocated_pages() == before);
    BOOST_TEST(pages->count_faults() == 0u);
  }
  BOOST_TEST(pages->misuses() == 0u);
}

BOOST_AUTO_TEST_CASE(exact_has_the_bounds_of_a_block) {
  BOOST_CHECK(pages->alloc_pages_exact(0, kGfpKernel) == nullptr);
  BOOST_CHECK(pages->alloc_pages_exact(kMaxOrder.bytes() + 1, kGfpKernel) == nullptr);
  BOOST_TEST(pages->misuses() == 1u);
  BOOST_CHECK(pages->alloc_pages_exact(SIZE_MAX, kGfpKernel) == nullptr);
  BOOST_TEST(pages->misuses() == 2u);
  pages->free_pages_exact(nullptr, 100);
  BOOST_TEST(pages->misuses() == 2u);
  // A page of it that was freed before is told when the whole is.
  void* address = pages->alloc_pages_exact(3 * kPageSize, kGfpKernel);
  pages->free_pages_at(static_cast<std::byte*>(address) + kPageSize, Order(0));
  pages->free_pages_exact(address, 3 * kPageSize);
  BOOST_TEST(pages->misuses() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
