#include "lib/cpu/percpu_counters.h"

#include <atomic>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <thread>
#include <vector>

#include "lib/os.h"
#include "tests/lib/cpu/percpu_fixture.h"

namespace ring3 {

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(lib_cpu_percpu_counters)

// Increments are exact although threads hop and are interrupted by signals in the middle of them.
BOOST_DATA_TEST_CASE(counters_lose_nothing, data::make(test::percpu_modes()), mode) {
  PerCpuCounters counters = std::move(PerCpuCounters::create(3, Topology::host(), mode).value());
  std::signal(SIGUSR2, [](int) {});
  std::vector<std::thread> threads;
  std::atomic<int> running{4};
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 300'000; ++i) {
        if (i % 4096 == 0) test::hop(i / 4096 + t);
        counters.add(1, 1);
        if (i % 3 == 0) counters.add(2, 5);
      }
      --running;
    });
  }
  while (running > 0) {
    for (std::thread& thread : threads) pthread_kill(thread.native_handle(), SIGUSR2);
    os::sleep_for(microseconds(50));
  }
  for (std::thread& thread : threads) thread.join();
  std::signal(SIGUSR2, SIG_DFL);
  BOOST_TEST(counters.sum(0) == 0u);
  BOOST_TEST(counters.sum(1) == 1'200'000u);
  BOOST_TEST(counters.sum(2) == 4u * 100'000 * 5);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
