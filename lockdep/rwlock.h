#pragma once

#include "lib/cpu/atomic.h"
#include "lib/thread_annotations.h"
#include "lockdep/lock_map.h"

namespace ring3::lockdep {

// A checked, spinning read-write lock that prefers readers: a reader waits only while a writer is
// inside, never for one that waits. So a thread may read-lock again what it has read-locked, and
// a stream of readers can keep a writer out.
class CAPABILITY("rwlock") RwLock {
 public:
  explicit RwLock(Lockdep* checker_or_null, const LockClassKey& key, unsigned subclass = 0)
      : map_(checker_or_null, key, subclass, WaitType::kSpin) {}

  [[gnu::always_inline]] void lock() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    map_.acquire(ReadMode::kWrite);
    if (!take_write()) [[unlikely]]
      lock_slow();
  }
  [[nodiscard, gnu::always_inline]] bool try_lock() TRY_ACQUIRE(true) NO_THREAD_SAFETY_ANALYSIS {
    if (!take_write()) return false;
    map_.try_acquired(ReadMode::kWrite);
    return true;
  }
  [[gnu::always_inline]] void unlock() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    map_.release();
    // Pairs with the acquires of the next writer and of every next reader.
    state_.store(0, std::memory_order_release);
  }

  [[gnu::always_inline]] void lock_shared() ACQUIRE_SHARED() NO_THREAD_SAFETY_ANALYSIS {
    map_.acquire(ReadMode::kRecursiveRead);
    if (!take_read()) [[unlikely]]
      lock_shared_slow();
  }
  // Fails only because a writer is inside.
  [[nodiscard, gnu::always_inline]] bool try_lock_shared()
      TRY_ACQUIRE_SHARED(true) NO_THREAD_SAFETY_ANALYSIS {
    if (!take_read()) return false;
    map_.try_acquired(ReadMode::kRecursiveRead);
    return true;
  }
  [[gnu::always_inline]] void unlock_shared() RELEASE_SHARED() NO_THREAD_SAFETY_ANALYSIS {
    map_.release();
    // Release: the next writer's acquire sees that our reads are over. Readers' subtractions are
    // read-modify-writes, so the writer synchronizes with each of them.
    state_.fetch_sub(1, std::memory_order_release);
  }

 private:
  // state_ is the number of readers inside, or kWriter.
  static constexpr uint32_t kWriter = uint32_t{1} << 31;

  bool take_write() {
    uint32_t expected = 0;
    return state_.compare_exchange_strong(expected, kWriter, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  bool take_read() {
    uint32_t readers = state_.load(std::memory_order_relaxed);
    while (readers != kWriter) {
      // Acquire pairs with the release in unlock(): we read what the last writer wrote.
      if (state_.compare_exchange_weak(readers, readers + 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  void lock_slow();
  void lock_shared_slow();

  Atomic<uint32_t> state_{0};
  LockMap map_;
};

}  // namespace ring3::lockdep
