#include "lib/cpu/raw_spinlock.h"

#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

namespace ring3 {

BOOST_AUTO_TEST_SUITE(lib_cpu_raw_spinlock)

BOOST_AUTO_TEST_CASE(a_raw_spinlock_excludes) {
  RawSpinlock lock;
  int counter = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50'000; ++i) {
        RawSpinlockGuard guard(lock);
        ++counter;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(counter == 200'000);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
