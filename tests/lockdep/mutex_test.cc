#include "lockdep/mutex.h"

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "lib/os.h"
#include "tests/lockdep/lockdep_fixture.h"

namespace ring3::lockdep {

BOOST_FIXTURE_TEST_SUITE(lockdep_mutex, LockdepFixture)

// A waiter that spun instead would burn CPU time for as long as the lock is held.
BOOST_AUTO_TEST_CASE(waiter_sleeps_until_woken) {
  Mutex lock(checker.get(), kKeyA);
  std::atomic<bool> waiting{false};
  Nanos waiter_cpu{0};
  bool acquired = false;
  lock.lock();
  std::thread waiter([&] {
    const Nanos before = os::thread_cpu_now();
    waiting = true;
    MutexGuard guard(lock);
    acquired = true;
    waiter_cpu = os::thread_cpu_now() - before;
  });
  while (!waiting) os::yield();
  os::sleep_for(milliseconds(100));
  BOOST_TEST(!acquired);
  lock.unlock();
  waiter.join();
  BOOST_TEST(acquired);
  BOOST_TEST(waiter_cpu.value() < milliseconds(50).value());
}

BOOST_AUTO_TEST_CASE(every_sleeper_is_woken) {
  Mutex lock(checker.get(), kKeyA);
  uint64_t entered = 0;
  {
    std::array<std::jthread, 8> threads;
    lock.lock();
    for (std::jthread& thread : threads) {
      thread = std::jthread([&] {
        MutexGuard guard(lock);
        ++entered;
      });
    }
    os::sleep_for(milliseconds(20));
    lock.unlock();
  }
  BOOST_TEST(entered == 8u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
