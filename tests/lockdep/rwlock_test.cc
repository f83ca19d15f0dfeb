#include "lockdep/rwlock.h"

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/lockdep/lockdep_fixture.h"

namespace ring3::lockdep {

BOOST_FIXTURE_TEST_SUITE(lockdep_rwlock, LockdepFixture)

BOOST_AUTO_TEST_CASE(writers_exclude_writers_and_readers) {
  RwLock lock(checker.get(), kKeyA);
  uint64_t first = 0;
  uint64_t second = 0;
  std::atomic<uint64_t> torn{0};
  {
    std::array<std::jthread, 2> writers;
    for (std::jthread& writer : writers) {
      writer = std::jthread([&] {
        for (int i = 0; i < 5000; ++i) {
          WriteGuard guard(lock);
          ++first;
          ++second;
        }
      });
    }
    std::array<std::jthread, 2> readers;
    for (std::jthread& reader : readers) {
      reader = std::jthread([&] {
        for (int i = 0; i < 5000; ++i) {
          ReadGuard guard(lock);
          if (first != second) ++torn;
        }
      });
    }
  }
  BOOST_TEST(first == 10000u);
  BOOST_TEST(second == 10000u);
  BOOST_TEST(torn == 0u);
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_AUTO_TEST_CASE(readers_share) {
  RwLock lock(checker.get(), kKeyA);
  ReadGuard guard(lock);
  bool reader_got_in = false;
  bool writer_got_in = true;
  std::thread([&]() NO_THREAD_SAFETY_ANALYSIS {
    reader_got_in = lock.try_lock_shared();
    if (reader_got_in) lock.unlock_shared();
    writer_got_in = lock.try_lock();
  }).join();
  BOOST_TEST(reader_got_in);
  BOOST_TEST(!writer_got_in);
}

BOOST_AUTO_TEST_CASE(writer_keeps_readers_out) {
  RwLock lock(checker.get(), kKeyA);
  lock.lock();
  bool reader_got_in = true;
  std::thread([&]() NO_THREAD_SAFETY_ANALYSIS { reader_got_in = lock.try_lock_shared(); }).join();
  BOOST_TEST(!reader_got_in);
  lock.unlock();
  const bool taken = lock.try_lock_shared();
  BOOST_TEST(taken);
  if (!taken) return;
  lock.unlock_shared();
}

// With writers preferred, the second read lock would wait for the writer and the writer for the
// first.
BOOST_AUTO_TEST_CASE(reader_passes_a_waiting_writer) NO_THREAD_SAFETY_ANALYSIS {
  RwLock lock(checker.get(), kKeyA);
  lock.lock_shared();
  std::atomic<bool> writing{false};
  std::thread writer([&] {
    writing = true;
    WriteGuard guard(lock);
  });
  while (!writing) os::yield();
  os::sleep_for(milliseconds(10));
  lock.lock_shared();
  lock.unlock_shared();
  lock.unlock_shared();
  writer.join();
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_AUTO_TEST_CASE(write_under_read_order_inverted_is_reported) {
  RwLock shared(checker.get(), kKeyA);
  Spinlock inner(checker.get(), kKeyB);
  {
    ReadGuard reading(shared);
    SpinlockGuard guard(inner);
  }
  {
    SpinlockGuard guard(inner);
    ReadGuard reading(shared);
  }
  BOOST_TEST(checker->reports() == 0u);
  {
    SpinlockGuard guard(inner);
    WriteGuard writing(shared);
  }
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
