#include "lockdep/mutex.h"

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "lib/os.h"
#include "tests/lockdep/lockdep_fixture.h"

namespace ring3::lockdep {

BOOST_FIXTURE_TEST_SUITE(lockdep_mutex, LockdepFixture)

// More threads than CPUs, so that holders are preempted; a plain counter, so that TSan sees it if
// the lock does not order its holders.
BOOST_AUTO_TEST_CASE(excludes_other_threads) {
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kRounds = 10000;
  Mutex lock(checker.get(), kKeyA);
  uint64_t counter = 0;
  {
    std::array<std::jthread, kThreads> threads;
    for (std::jthread& thread : threads) {
      thread = std::jthread([&] {
        for (uint64_t i = 0; i < kRounds; ++i) {
          MutexGuard guard(lock);
          counter = counter + 1;
        }
      });
    }
  }
  BOOST_TEST(counter == kThreads * kRounds);
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_AUTO_TEST_CASE(try_lock_fails_only_while_held) {
  Mutex lock(checker.get(), kKeyA);
  const bool taken = lock.try_lock();
  BOOST_TEST(taken);
  if (!taken) return;
  bool got = true;
  std::thread([&]() NO_THREAD_SAFETY_ANALYSIS { got = lock.try_lock(); }).join();
  BOOST_TEST(!got);
  lock.unlock();
  std::thread([&]() NO_THREAD_SAFETY_ANALYSIS {
    got = lock.try_lock();
    if (got) lock.unlock();
  }).join();
  BOOST_TEST(got);
  BOOST_TEST(current_held_locks().depth() == 0u);
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_AUTO_TEST_CASE(inverted_order_is_reported) {
  Mutex first(checker.get(), kKeyA);
  Mutex second(checker.get(), kKeyB);
  {
    MutexGuard outer(first);
    MutexGuard inner(second);
  }
  {
    MutexGuard outer(second);
    MutexGuard inner(first);
  }
  BOOST_TEST(reported(kCircular));
  BOOST_TEST(current_held_locks().depth() == 0u);
}

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

BOOST_AUTO_TEST_CASE(lock_without_a_checker_is_only_a_lock) {
  Mutex lock(nullptr, kKeyA);
  {
    MutexGuard guard(lock);
    BOOST_TEST(current_held_locks().depth() == 0u);
  }
  const bool taken = lock.try_lock();
  BOOST_TEST(taken);
  if (!taken) return;
  lock.unlock();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
