#pragma once

#include "lib/cpu/atomic.h"
#include "lib/thread_annotations.h"
#include "lockdep/lock_map.h"

namespace ring3::lockdep {

// A checked mutex: waiters sleep in the host (U. Drepper, "Futexes Are Tricky", the third mutex).
// Not recursive, not fair.
class CAPABILITY("mutex") Mutex {
 public:
  explicit Mutex(Lockdep* checker_or_null, const LockClassKey& key, unsigned subclass = 0)
      : map_(checker_or_null, key, subclass, WaitType::kSleep) {}

  // May sleep.
  [[gnu::always_inline]] void lock() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    map_.acquire(ReadMode::kWrite);
    if (!take_free()) [[unlikely]]
      lock_slow();
  }
  // Does not wait and therefore cannot deadlock: never the later lock of a reported order.
  [[nodiscard, gnu::always_inline]] bool try_lock() TRY_ACQUIRE(true) NO_THREAD_SAFETY_ANALYSIS {
    if (!take_free()) return false;
    map_.try_acquired(ReadMode::kWrite);
    return true;
  }
  [[gnu::always_inline]] void unlock() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    map_.release();
    // Pairs with the acquires in take_free() and lock_slow(): the next holder sees our writes.
    if (state_.exchange(kFree, std::memory_order_release) == kContended) [[unlikely]]
      wake_slow();
  }

 private:
  enum State : uint32_t {
    kFree,
    kHeld,
    kContended,  // held, and somebody may sleep: the holder must wake one
  };

  bool take_free() {
    uint32_t expected = kFree;
    return state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire,
                                          std::memory_order_relaxed);
  }
  void lock_slow();
  void wake_slow();

  Atomic<uint32_t> state_{kFree};
  LockMap map_;
};

}  // namespace ring3::lockdep
