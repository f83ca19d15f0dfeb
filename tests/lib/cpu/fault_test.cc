#include "lib/cpu/fault.h"

#include <boost/test/unit_test.hpp>

namespace ring3 {
namespace {

int failures(FaultPoint& point, int calls, uint64_t size = 1) {
  int count = 0;
  for (int i = 0; i < calls; ++i) count += point.should_fail(size);
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lib_cpu_fault)

BOOST_AUTO_TEST_CASE(nothing_fails_before_it_is_armed) {
  FaultPoint point("failslab");
  BOOST_TEST(failures(point, 1000) == 0);
  BOOST_TEST(point.injected() == 0u);
}

BOOST_AUTO_TEST_CASE(probability_is_in_percent) {
  FaultPoint point("failslab");
  point.arm({.interval = 1, .probability = 100, .space = 0, .times = -1}, 1);
  BOOST_TEST(failures(point, 100) == 100);
  point.arm({.interval = 1, .probability = 10, .space = 0, .times = -1}, 1);
  const int some = failures(point, 10'000);
  BOOST_TEST(some > 850);
  BOOST_TEST(some < 1150);
}

BOOST_AUTO_TEST_CASE(interval_lets_calls_pass_between) {
  FaultPoint point("failslab");
  point.arm({.interval = 5, .probability = 100, .space = 0, .times = -1}, 1);
  BOOST_TEST(failures(point, 100) == 20);
}

BOOST_AUTO_TEST_CASE(times_bounds_the_failures) {
  FaultPoint point("failslab");
  point.arm({.interval = 1, .probability = 100, .space = 0, .times = 3}, 1);
  BOOST_TEST(failures(point, 100) == 3);
  BOOST_TEST(point.injected() == 3u);
}

BOOST_AUTO_TEST_CASE(space_passes_first) {
  FaultPoint point("failslab");
  point.arm({.interval = 1, .probability = 100, .space = 100, .times = -1}, 1);
  BOOST_TEST(failures(point, 10, 10) <= 1);
  BOOST_TEST(point.should_fail(10));
}

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_failures) {
  FaultPoint one("failslab");
  FaultPoint two("failslab");
  for (FaultPoint* point : {&one, &two}) {
    point->arm({.interval = 1, .probability = 50, .space = 0, .times = -1}, 9);
  }
  for (int i = 0; i < 200; ++i) BOOST_TEST(one.should_fail(1) == two.should_fail(1));
}

BOOST_AUTO_TEST_CASE(attributes_are_read_in_the_kernel_s_boot_form) {
  const auto attributes = parse_fault_attributes("2,10,4096,-1");
  BOOST_REQUIRE(attributes.ok());
  BOOST_TEST(attributes->interval == 2u);
  BOOST_TEST(attributes->probability == 10u);
  BOOST_TEST(attributes->space == 4096u);
  BOOST_TEST(attributes->times == -1);
  for (const char* wrong :
       {"", "1", "1,2,3", "1,2,3,4,5", "a,1,1,1", "1,101,0,1", "-1,1,1,1", "0,1,0,1", "1,1,1,1x"}) {
    BOOST_TEST(!parse_fault_attributes(wrong).ok(), wrong);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
