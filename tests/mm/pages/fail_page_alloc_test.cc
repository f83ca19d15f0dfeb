#include "mm/pages/fail_page_alloc.h"

#include <boost/test/unit_test.hpp>

#include <string>

#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {

BOOST_FIXTURE_TEST_SUITE(mm_pages_fail_page_alloc, PagesFixture)

BOOST_AUTO_TEST_CASE(what_it_has_beside_the_attributes_has_names) {
  const std::string text = "1,50,0,-1,task=tcp,min-order=3,ignore-gfp-wait=Y,ignore-gfp-highmem=Y";
  const auto faults = parse_page_faults(text);
  BOOST_REQUIRE(faults.ok());
  BOOST_TEST(faults->attributes.task == "tcp");
  BOOST_TEST(faults->min_order.value() == 3u);
  BOOST_TEST(to_string(*faults) == text);
  const auto off = parse_page_faults("1,50,0,-1,ignore-gfp-wait=N,ignore-gfp-highmem=0");
  BOOST_REQUIRE(off.ok());
  BOOST_TEST(to_string(*off) == "1,50,0,-1");
  for (const char* wrong : {"1,1,1,1,min-order=11", "1,1,1,1,min-order=-1", "1,1,1,1,min-order",
                            "1,1,1,1,ignore-gfp-wait=maybe", "1,1,1,1,cache-filter=Y"}) {
    BOOST_TEST(!parse_page_faults(wrong).ok(), wrong);
  }
}

BOOST_AUTO_TEST_CASE(requests_that_it_ignores_never_fail) {
  const auto fails = [&](Gfp gfp, unsigned order) {
    Page* page = alloc(gfp, order);
    free(page, order);
    return page == nullptr;
  };
  FailPageAlloc& point = pages->fail_page_alloc();
  const FaultAttributes always{.probability = 100};
  point.arm({.attributes = always, .min_order = Order(2)}, 1);
  BOOST_TEST(!fails(kGfpKernel, 1));
  BOOST_TEST(fails(kGfpKernel, 2));
  point.arm({.attributes = always, .ignore_gfp_wait = true}, 1);
  BOOST_TEST(!fails(kGfpKernel, 1));
  BOOST_TEST(fails(kGfpAtomic, 0));
  point.arm({.attributes = always, .ignore_gfp_highmem = true}, 1);
  BOOST_TEST(!fails(kGfpHighuserMovable, 0));
  BOOST_TEST(fails(kGfpKernel, 0));
  BOOST_TEST(!fails(kGfpKernel | kGfpFlagNofail, 0));
  BOOST_TEST(point.injected() == 3u);
  // Nor are they steps of a countdown.
  point.arm({.min_order = Order(2)}, 1);
  Task::current().set_fail_nth(1);
  BOOST_TEST(!fails(kGfpKernel, 1));
  BOOST_TEST(fails(kGfpKernel, 2));
  BOOST_TEST(Task::current().fail_nth() == 0u);
  // What is injected is no failure that one has to be told of.
  BOOST_TEST(failures.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
