// Mistakes of callers: each is reported, with the page, its state and the caller, and has no
// effect.

#include <boost/test/unit_test.hpp>

#include "mm/pages/page_alloc.h"
#include "tests/mm/pages/pages_fixture.h"
#include "tests/race.h"

namespace ring3::mm {

// A caller with a name that the program exports.
[[gnu::noinline]] void free_with_wrong_order(PageAllocator& pages, Page* page);
void free_with_wrong_order(PageAllocator& pages, Page* page) { pages.free_pages(page, Order(7)); }
[[gnu::noinline]] Page* allocate_here(PageAllocator& pages, Order order);
Page* allocate_here(PageAllocator& pages, Order order) {
  return pages.alloc_pages(kGfpKernel, order);
}
[[gnu::noinline]] void free_here(PageAllocator& pages, Page* page, Order order);
void free_here(PageAllocator& pages, Page* page, Order order) { pages.free_pages(page, order); }

BOOST_FIXTURE_TEST_SUITE(mm_pages_page_misuse, PagesFixture)

BOOST_AUTO_TEST_CASE(a_double_free_is_reported) {
  Page* page = alloc(kGfpKernel, 2);
  free(page, 2);
  pages->drain_all();
  const std::string before = pages->buddyinfo();
  free(page, 2);
  BOOST_TEST(sink.count() == 1u);
  const std::string state =
      test::is_policy(kKernelPolicy) ? "state:buddy order:10" : "state:free order:0";
  BOOST_TEST(sink.last_masked().starts_with(
      "BUG: Bad page state in process P  pfn:01000\n"
      "page:ADDR " +
      state +
      " owner:none\n"
      "page dumped because: page is free already (asked with order 2)\n"
      "page_owner tracks the page as freed\n"
      "page last allocated via order 2, migratetype Unmovable, gfp_mask 0xcc0(GFP_KERNEL), pid "));
  BOOST_TEST(sink.last_masked().ends_with("\nCall site: CALLER\n"));
  BOOST_TEST(pages->buddyinfo() == before);
}

BOOST_AUTO_TEST_CASE(a_double_free_of_a_page_on_a_cpu_s_list_is_reported) {
  Page* page = alloc(kGfpKernel, 0);
  free(page, 0);
  free(page, 0);
  BOOST_TEST(sink.last_masked().find("state:pcp order:0") != std::string::npos);
  BOOST_TEST(sink.last_masked().find("page is free already") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_free_with_another_order_is_reported) {
  Page* page = alloc(kGfpKernel, 3);
  free(page, 2);
  BOOST_TEST(sink.last_masked().starts_with(
      "BUG: Bad page state in process P  pfn:01000\n"
      "page:ADDR state:allocated order:3 owner:none\n"
      "page dumped because: block was allocated with another order (asked with order 2)\n"
      "page_owner tracks the page as allocated\n"
      "page last allocated via order 3, migratetype Unmovable, gfp_mask 0xcc0(GFP_KERNEL), pid "));
  BOOST_TEST(
      sink.last_masked().ends_with("page_owner free stack trace missing\nCall site: CALLER\n"));
  free(page, 3);
}

BOOST_AUTO_TEST_CASE(a_free_of_a_page_inside_a_block_is_reported) {
  Page* page = alloc(kGfpKernel, 3);
  free(page + 4, 2);
  BOOST_TEST(sink.last_masked().find("page is not the head of a block") != std::string::npos);
  pages->free_pages_at(static_cast<std::byte*>(pages->address_of(page)) + 100, Order(3));
  BOOST_TEST(sink.last_masked().find("address is not aligned to a page") != std::string::npos);
  free(page, 3);
}

BOOST_AUTO_TEST_CASE(an_address_outside_the_arena_is_reported) {
  int local = 0;
  pages->free_pages_at(&local, Order(0));
  BOOST_TEST(sink.last_masked().find("BUG: Bad page state in process P  pfn:none") == 0u);
  BOOST_TEST(sink.last_masked().find("lies outside [ADDR, ADDR)") != std::string::npos);
  free(reinterpret_cast<Page*>(&local), 0);
  BOOST_TEST(pages->misuses() == 2u);
}

BOOST_AUTO_TEST_CASE(freeing_null_is_nothing) {
  free(nullptr, 0);
  free(nullptr, 77);
  pages->free_pages_at(nullptr, Order(0));
  BOOST_TEST(pages->misuses() == 0u);
}

BOOST_AUTO_TEST_CASE(any_number_may_come_as_an_order) {
  Page* single = alloc(kGfpKernel, 0);
  Page* block = alloc(kGfpKernel, 3);
  uint64_t wrong = 0;
  for (unsigned bit = 4; bit < 32; ++bit) {
    for (const unsigned order : {1u << bit, (1u << bit) + 3, ~0u << bit}) {
      free(single, order);
      free(block, order);
      pages->free_pages_at(pages->address_of(block), Order(order));
      BOOST_TEST(alloc(kGfpKernel, order) == nullptr);
      wrong += 4;
    }
  }
  BOOST_TEST(pages->misuses() == wrong);
  BOOST_TEST(pages->allocated_pages().value() == 9u);
  free(single, 0);
  free(block, 3);
  BOOST_TEST(pages->misuses() == wrong);
}

// The page was freed as a block of its own, and is now the upper half of a larger free one.
BOOST_AUTO_TEST_CASE(a_double_free_of_a_merged_block_names_its_free) {
  Page* lower = alloc(kGfpKernel, 1);
  Page* upper = allocate_here(*pages, Order(1));
  BOOST_REQUIRE(upper == lower + 2);
  free_here(*pages, upper, Order(1));
  free(lower, 1);
  pages->drain_all();
  free(upper, 1);
  // The packed policy keeps no heads of free blocks.
  BOOST_TEST((sink.last_raw().find("page lies in block pfn:01000 state:buddy order:10") !=
              std::string::npos) == test::is_policy(kKernelPolicy));
  BOOST_TEST(sink.last_raw().find(" stack trace:\n ring3::mm::free_here+0x") != std::string::npos);
  BOOST_TEST(sink.last_raw().find("page_owner tracks the page as freed\n") != std::string::npos);
  BOOST_TEST(sink.last_raw().find("page is free already") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tail_was_allocated_where_its_block_was) {
  for (const unsigned tail : {1u, 5u, 7u}) {
    Page* block = allocate_here(*pages, Order(3));
    free(block + tail, 0);
    BOOST_TEST(sink.last_raw().find("\n ring3::mm::allocate_here+0x") != std::string::npos);
    BOOST_TEST(sink.last_raw().find("page lies in block pfn:01000 state:allocated order:3") !=
               std::string::npos);
    free_here(*pages, block, Order(3));
    free(block + tail, 0);
    BOOST_TEST(sink.last_raw().find(" stack trace:\n ring3::mm::free_here+0x") !=
               std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_thousand_mistakes_are_counted_and_sixty_shown) {
  Page* page = alloc(kGfpKernel, 1);
  for (int i = 0; i < 1000; ++i) free(page, 2);
  BOOST_TEST(pages->misuses() == 1000u);
  BOOST_TEST(sink.count() == kMisuseLimit.burst);
  free(page, 1);
}

// Two threads free one page at the same moment, again and again.
BOOST_AUTO_TEST_CASE(of_two_frees_at_once_one_is_refused) {
  for (const unsigned order : {0u, 2u}) {
    constexpr int kRounds = 5'000;
    const uint64_t before = pages->misuses();
    Page* page = nullptr;
    test::race(
        kRounds, [&] { page = alloc(kGfpKernel, order); }, [&] { free(page, order); },
        [&] { free(page, order); });
    pages->drain_all();  // so that what is on a list twice is found
    BOOST_TEST(pages->misuses() - before == static_cast<uint64_t>(kRounds));
  }
}

BOOST_AUTO_TEST_CASE(an_order_above_the_highest_is_reported) {
  BOOST_TEST(alloc(kGfpKernel, 11) == nullptr);
  BOOST_TEST(sink.last_masked() ==
             "WARNING: bad page request in process P order:11, mode:0xcc0(GFP_KERNEL)\n"
             "request refused because: order is above the highest, 10\n"
             "Call site: CALLER\n");
  Page* page = alloc(kGfpKernel, 0);
  free(page, 11);
  BOOST_TEST(sink.last_masked().find("order is above the highest") != std::string::npos);
  free(page, 0);
}

BOOST_AUTO_TEST_CASE(flags_for_two_zones_are_reported) {
  BOOST_TEST(alloc(kGfpDma | kGfpDma32, 0) == nullptr);
  BOOST_TEST(sink.last_masked().find("gfp flags name more than one zone") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_block_cannot_be_movable_and_reclaimable) {
  BOOST_TEST(alloc(kGfpHighuserMovable | kGfpFlagReclaimable, 0) == nullptr);
  BOOST_TEST(sink.last_masked().find("gfp flags are both movable and reclaimable") !=
             std::string::npos);
  BOOST_TEST(pages->misuses() == 1u);
}

BOOST_AUTO_TEST_CASE(the_report_names_the_caller) {
  Page* page = alloc(kGfpKernel, 1);
  free_with_wrong_order(*pages, page);
  BOOST_TEST(sink.last_raw().find("Call site: ring3::mm::free_with_wrong_order+0x") !=
             std::string::npos);
  free(page, 1);
}

BOOST_AUTO_TEST_CASE(leaks_are_reported_with_who_allocated_them) {
  Page* page = alloc(kGfpKernel, 2);
  pages->drain_all();
  BOOST_TEST(pages->report_leaks().value() == 4u);
  BOOST_TEST(sink.count() == 2u);
  BOOST_TEST(sink.last_masked() == "BUG: 4 pages still allocated when their arena was closed\n");
  free(page, 2);
}

BOOST_AUTO_TEST_CASE(a_wrong_split_is_reported) {
  Page* block = alloc(kGfpKernel, 2);
  pages->split_pages(block, Order(3), Order(1));
  pages->split_pages(block, Order(2), Order(2));
  pages->split_pages(block + 1, Order(1), Order(0));
  pages->split_pages(block, Order(77), Order(0));
  pages->split_pages(nullptr, Order(2), Order(0));
  BOOST_TEST(pages->misuses() == 5u);
  free(block, 2);
  BOOST_TEST(pages->misuses() == 5u);
}

BOOST_AUTO_TEST_CASE(what_has_an_owner_is_its_own_to_free_and_to_report) {
  Page* page = alloc(kGfpKernel, 1);
  page->owner_words.fill(~uint64_t{0});
  free(page, 1);
  // An owner finds no words of the last one, which nobody else may take for its own.
  BOOST_REQUIRE(pages->alloc_owned_pages(kGfpKernel, Order(1), PageOwner::kSlab, 0) == page);
  BOOST_CHECK((page->owner_words == std::array<uint64_t, 3>{}));
  free(page, 1);
  BOOST_TEST(sink.last_raw().find("page is still in use by its owner") != std::string::npos);
  pages->drain_all();
  BOOST_TEST(pages->report_leaks().value() == 0u);
  BOOST_TEST(!pages->free_owned_pages(*page, Order(1), PageOwner::kLargeKmalloc, 0));
  BOOST_TEST(pages->free_owned_pages(*page, Order(1), PageOwner::kSlab, 0));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
