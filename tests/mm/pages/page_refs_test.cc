#include <boost/test/unit_test.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/mm/pages/pages_fixture.h"
#include "tests/race.h"

namespace ring3::mm {

BOOST_FIXTURE_TEST_SUITE(mm_pages_page_refs, PagesFixture)

BOOST_AUTO_TEST_CASE(a_block_lives_as_long_as_its_last_reference) {
  for (const unsigned order : {0u, 3u}) {
    Page* page = pages->alloc_shared_pages(kGfpKernel | kGfpFlagComp, Order(order));
    BOOST_REQUIRE(page != nullptr);
    BOOST_TEST(PageAllocator::get_page_unless_zero(*page));
    free(page, order);
    BOOST_TEST(pages->allocated_pages().value() == 1u << order);
    pages->put_page(*page);
    BOOST_TEST(pages->allocated_pages().value() == 0u);
    BOOST_TEST(!PageAllocator::get_page_unless_zero(*page));
  }
  BOOST_TEST(pages->misuses() == 0u);
}

BOOST_AUTO_TEST_CASE(nobody_gets_a_reference_to_what_is_not_shared) {
  Page* page = alloc(kGfpKernel, 0);
  BOOST_TEST(!PageAllocator::get_page_unless_zero(*page));
  free(page, 0);
  BOOST_TEST(!PageAllocator::get_page_unless_zero(*page));
}

// The kernel's lib/test_free_pages.c: of a block without a head, all but the first page go at once.
BOOST_AUTO_TEST_CASE(a_reference_keeps_only_the_first_page_of_a_block_that_is_not_compound) {
  Page* page = pages->alloc_shared_pages(kGfpKernel, Order(4));
  BOOST_TEST(PageAllocator::get_page_unless_zero(*page));
  free(page, 4);
  BOOST_TEST(pages->allocated_pages().value() == 1u);
  BOOST_TEST(pages->count_faults() == 0u);
  pages->put_page(*page);
  BOOST_TEST(pages->allocated_pages().value() == 0u);
  BOOST_TEST(pages->misuses() == 0u);
  // And with nobody else, the whole block goes.
  page = pages->alloc_shared_pages(kGfpKernel, Order(4));
  free(page, 4);
  BOOST_TEST(pages->allocated_pages().value() == 0u);
}

BOOST_AUTO_TEST_CASE(a_put_too_many_and_a_wrong_order_are_reported) {
  Page* page = pages->alloc_shared_pages(kGfpKernel, Order(2));
  free(page, 1);
  BOOST_TEST(pages->misuses() == 1u);
  BOOST_TEST(sink.last_raw().find("block was allocated with another order") != std::string::npos);
  pages->put_page(*page);
  BOOST_TEST(pages->allocated_pages().value() == 0u);
  pages->put_page(*page);
  BOOST_TEST(pages->misuses() == 2u);
  BOOST_TEST(sink.last_raw().find("page has no reference that could be put") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_shared_block_that_nobody_gave_back_is_a_leak) {
  Page* page = pages->alloc_shared_pages(kGfpKernel, Order(1));
  BOOST_TEST(pages->report_leaks().value() == 2u);
  BOOST_TEST(sink.at(0).find("owner:shared") != std::string::npos);
  free(page, 1);
}

// Who frees it and who looks at it at the same moment: one of them gives it back, once.
BOOST_AUTO_TEST_CASE(a_get_and_the_last_free_at_once_lose_nothing) {
  for (const bool compound : {false, true}) {
    Page* page = nullptr;
    std::atomic<int> got{0};
    test::race(
        3000,
        [&] {
          page =
              pages->alloc_shared_pages(kGfpKernel | (compound ? kGfpFlagComp : Gfp()), Order(2));
          BOOST_REQUIRE(page != nullptr);
        },
        [&] { free(page, 2); },
        [&] {
          if (!PageAllocator::get_page_unless_zero(*page)) return;
          got.fetch_add(1, std::memory_order_relaxed);
          pages->put_page(*page);
        });
    BOOST_TEST_MESSAGE("got " << got.load());
    BOOST_TEST(pages->allocated_pages().value() == 0u);
  }
  BOOST_TEST(pages->misuses() == 0u);
  BOOST_TEST(pages->count_faults() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
