// What every lock does that one thread at a time holds.

#include <array>
#include <boost/mpl/list.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "lockdep/guard.h"
#include "tests/lockdep/lockdep_fixture.h"

namespace ring3::lockdep {
namespace {

using ExclusiveLocks = boost::mpl::list<Spinlock, Mutex, RwLock>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lockdep_lock, LockdepFixture)

// More threads than CPUs, so that holders are preempted; a plain counter, so that TSan sees it if
// the lock does not order its holders.
BOOST_AUTO_TEST_CASE_TEMPLATE(excludes_other_threads, Lock, ExclusiveLocks) {
  constexpr uint64_t kThreads = 4;
  constexpr uint64_t kRounds = 10000;
  Lock lock(checker.get(), kKeyA);
  uint64_t counter = 0;
  {
    std::array<std::jthread, kThreads> threads;
    for (std::jthread& thread : threads) {
      thread = std::jthread([&] {
        for (uint64_t i = 0; i < kRounds; ++i) {
          ExclusiveGuard<Lock> guard(lock);
          counter = counter + 1;
        }
      });
    }
  }
  BOOST_TEST(counter == kThreads * kRounds);
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(try_lock_fails_only_while_held, Lock, ExclusiveLocks) {
  Lock lock(checker.get(), kKeyA);
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
  BOOST_TEST(held_locks_of(Task::current()).depth() == 0u);
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(inverted_order_is_reported, Lock, ExclusiveLocks) {
  Lock first(checker.get(), kKeyA);
  Lock second(checker.get(), kKeyB);
  {
    ExclusiveGuard<Lock> outer(first);
    ExclusiveGuard<Lock> inner(second);
  }
  {
    ExclusiveGuard<Lock> outer(second);
    ExclusiveGuard<Lock> inner(first);
  }
  BOOST_TEST(reported(kCircular));
  BOOST_TEST(held_locks_of(Task::current()).depth() == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(lock_without_a_checker_is_only_a_lock, Lock, ExclusiveLocks) {
  Lock lock(nullptr, kKeyA);
  {
    ExclusiveGuard<Lock> guard(lock);
    BOOST_TEST(held_locks_of(Task::current()).depth() == 0u);
  }
  const bool taken = lock.try_lock();
  BOOST_TEST(taken);
  if (!taken) return;
  lock.unlock();
}

// Each task holds one lock at a time; the thread that plays both holds two.
BOOST_AUTO_TEST_CASE_TEMPLATE(tasks_that_share_a_thread_hold_their_own_locks, Lock,
                              ExclusiveLocks) {
  Lock a(checker.get(), kKeyA);
  Lock b(checker.get(), kKeyB);
  Task first("first", 1, 0);
  Task second("second", 2, 1);
  const auto take = [](Task& task, Lock& lock) NO_THREAD_SAFETY_ANALYSIS {
    const RunningTask running(task);
    lock.lock();
  };
  const auto give = [](Task& task, Lock& lock) NO_THREAD_SAFETY_ANALYSIS {
    const RunningTask running(task);
    lock.unlock();
  };
  take(first, a);
  take(second, b);
  BOOST_TEST(held_locks_of(first).depth() == 1u);
  BOOST_TEST(held_locks_of(Task::current()).depth() == 0u);
  give(first, a);
  take(first, a);
  give(second, b);
  take(second, b);
  give(first, a);
  give(second, b);
  BOOST_TEST(checker->reports() == 0u);
  // The same by one task is what the checker is for.
  take(first, a);
  take(first, b);
  give(first, b);
  give(first, a);
  take(second, b);
  take(second, a);
  give(second, a);
  give(second, b);
  BOOST_TEST(reported("second/2 is trying to acquire lock:"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
