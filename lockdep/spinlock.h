#pragma once

#include "lib/cpu/raw_spinlock.h"
#include "lockdep/lock_map.h"

namespace ring3::lockdep {

// A checked spinlock. Waiters yield the CPU after a while, so a preempted holder gets to run.
// Not recursive, not fair.
class CAPABILITY("spinlock") Spinlock {
 public:
  explicit Spinlock(Lockdep* checker_or_null, const LockClassKey& key, unsigned subclass = 0)
      : map_(checker_or_null, key, subclass, WaitType::kSpin) {}

  [[gnu::always_inline]] void lock() ACQUIRE() NO_THREAD_SAFETY_ANALYSIS {
    map_.acquire(ReadMode::kWrite);
    raw_.lock();
  }
  // Does not wait and therefore cannot deadlock: never the later lock of a reported order.
  [[nodiscard, gnu::always_inline]] bool try_lock() TRY_ACQUIRE(true) NO_THREAD_SAFETY_ANALYSIS {
    if (!raw_.try_lock()) return false;
    map_.try_acquired(ReadMode::kWrite);
    return true;
  }
  [[gnu::always_inline]] void unlock() RELEASE() NO_THREAD_SAFETY_ANALYSIS {
    map_.release();
    raw_.unlock();
  }

 private:
  // Outside the analysis above: this lock's capability is raw_'s, held exactly as long.
  RawSpinlock raw_;
  LockMap map_;
};

}  // namespace ring3::lockdep
