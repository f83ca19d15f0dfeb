#include "lib/cpu/fault.h"

#include <boost/test/unit_test.hpp>

#include "lib/cpu/task.h"
#include "tests/recording_sink.h"

namespace ring3 {

// Not static, so that they have names in every build.
[[gnu::noinline]] bool fault_test_inner(FaultPoint& point) {
  const bool fails = point.should_fail(1);
  asm volatile("" ::: "memory");
  return fails;
}
[[gnu::noinline]] bool fault_test_outer(FaultPoint& point) {
  const bool fails = fault_test_inner(point);
  asm volatile("" ::: "memory");
  return fails;
}

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

BOOST_AUTO_TEST_CASE(what_debugfs_has_beside_them_has_names) {
  const std::string text = "1,50,0,7,verbose=2,task=tcp,require=send,reject=retransmit";
  const auto attributes = parse_fault_attributes(text);
  BOOST_REQUIRE(attributes.ok());
  BOOST_TEST(attributes->verbose == 2u);
  BOOST_TEST(attributes->task == "tcp");
  BOOST_TEST(attributes->require == "send");
  BOOST_TEST(attributes->reject == "retransmit");
  BOOST_TEST(to_string(*attributes) == text);
  BOOST_TEST(to_string(FaultAttributes()) == "1,0,0,-1");
  for (const char* wrong : {"1,1,1,1,", "1,1,1,1,verbose=3", "1,1,1,1,verbose",
                            "1,1,1,1,task=", "1,1,1,1,cache=x", "1,1,verbose=1,1", "1,1,1,1,=1"}) {
    BOOST_TEST(!parse_fault_attributes(wrong).ok(), wrong);
  }
  std::string other;
  const auto take = [&](std::string_view name, std::string_view value) {
    other = std::string(name) + ":" + std::string(value);
    return name == "cache";
  };
  BOOST_TEST(parse_fault_attributes("1,1,1,1,cache=x,verbose=1", take).ok());
  BOOST_TEST(other == "cache:x");
  const auto refused = parse_fault_attributes("1,1,1,1,cash=x", take);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.error().message.find("('cash=x')") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(only_tasks_of_a_name_fail) {
  FaultPoint point("failslab");
  point.arm({.probability = 100, .task = "victim"}, 1);
  Task victim("the-victim-7", 1, 0);
  Task other("other", 2, 0);
  {
    const RunningTask running(other);
    BOOST_TEST(failures(point, 10) == 0);
  }
  {
    const RunningTask running(victim);
    BOOST_TEST(failures(point, 10) == 10);
  }
}

BOOST_AUTO_TEST_CASE(only_calls_below_a_function_fail_or_none) {
  FaultPoint point("failslab");
  point.arm({.probability = 100, .times = 3, .require = "fault_test_outer"}, 1);
  BOOST_TEST(!fault_test_inner(point));
  BOOST_TEST(fault_test_outer(point));
  point.arm({.probability = 100, .reject = "fault_test_outer"}, 1);
  BOOST_TEST(fault_test_inner(point));
  BOOST_TEST(!fault_test_outer(point));
  // What is let pass is not one of so many times.
  point.arm({.probability = 100, .times = 1, .require = "fault_test_outer"}, 1);
  BOOST_TEST(!fault_test_inner(point));
  BOOST_TEST(fault_test_outer(point));
  BOOST_TEST(!fault_test_outer(point));
}

BOOST_AUTO_TEST_CASE(a_failure_is_told_where_one_wants_to_hear_of_it) {
  test::RecordingSink sink;
  FaultPoint point("failslab", sink);
  point.arm({.probability = 100}, 1);
  BOOST_TEST(fault_test_outer(point));
  BOOST_TEST(sink.count() == 0u);
  Task task("worker", 9, 3);
  const RunningTask running(task);
  point.arm({.interval = 1, .probability = 100, .verbose = 1}, 1);
  BOOST_TEST(fault_test_outer(point));
  BOOST_TEST(sink.last_raw() ==
             "FAULT_INJECTION: forcing a failure.\n"
             "name failslab, interval 1, probability 100, space 0, times -1\n"
             "worker/9\n");
  point.arm({.interval = 1, .probability = 100, .verbose = 2}, 1);
  BOOST_TEST(fault_test_outer(point));
  const std::string text = sink.last_raw();
  const size_t inner = text.find(" ring3::fault_test_inner+0x");
  BOOST_REQUIRE(inner != std::string::npos);
  BOOST_TEST(text.find(" ring3::fault_test_outer+0x", inner) != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
