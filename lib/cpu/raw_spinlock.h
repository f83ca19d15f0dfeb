#pragma once

// A test-and-test-and-set lock that nothing watches: what the lock checker itself and the per-CPU
// fallback stand on. Everything above lib uses the checked locks of lockdep/.
//
// It is the kernel's spin_lock_irqsave(): in a simulation no interrupt comes to the holder's CPU,
// so that a handler may take the same lock. Elsewhere there is none to hold off.

#include "lib/cpu/atomic.h"
#include "lib/cpu/task.h"
#include "lib/os.h"
#include "lib/thread_annotations.h"

namespace ring3 {

// How a loop waits for a word that somebody else will change: by pausing, then by yielding the CPU,
// since in user space the holder may be preempted, and on two CPUs spinning on keeps it so. In a
// simulation the task waits for that change, so that waiting in vain is seen.
class Backoff {
 public:
  void pause([[maybe_unused]] const void* word) {
#if RING3_SIM
    if (schedule::simulated()) return schedule::scheduler->wait_for_change(word);
#endif
    if (++rounds_ < kSpins) {
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    } else {
      os::yield();
    }
  }

 private:
  static constexpr unsigned kSpins = 64;
  unsigned rounds_ = 0;
};

class CAPABILITY("raw_spinlock") RawSpinlock {
 public:
  void lock() ACQUIRE() {
    irqs_off();
    Backoff backoff;
    while (!take()) {
      while (locked_.load(std::memory_order_relaxed)) backoff.pause(&locked_);
    }
  }
  bool try_lock() TRY_ACQUIRE(true) {
    irqs_off();
    const bool taken = take();
    if (!taken) irqs_restore();
    return taken;
  }
  void unlock() RELEASE() {
    locked_.store(false, std::memory_order_release);
    irqs_restore();
  }

 private:
  // The acquire pairs with the release in unlock(): what the last holder wrote is visible.
  bool take() { return !locked_.exchange(true, std::memory_order_acquire); }
  static void irqs_off() {
    if constexpr (RING3_SIM != 0) Task::current().irqs_off();
  }
  static void irqs_restore() {
    if constexpr (RING3_SIM != 0) Task::current().irqs_restore();
  }

  Atomic<bool> locked_{false};
};

class SCOPED_CAPABILITY RawSpinlockGuard {
 public:
  explicit RawSpinlockGuard(RawSpinlock& lock) ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
  ~RawSpinlockGuard() RELEASE() { lock_.unlock(); }
  RawSpinlockGuard(const RawSpinlockGuard&) = delete;
  RawSpinlockGuard& operator=(const RawSpinlockGuard&) = delete;

 private:
  RawSpinlock& lock_;
};

}  // namespace ring3
