#pragma once

// Scopes that hold a lock: taken by the constructor, let go by the destructor.

#include "lockdep/mutex.h"
#include "lockdep/rwlock.h"
#include "lockdep/spinlock.h"

namespace ring3::lockdep {

template <class Lock>
class SCOPED_CAPABILITY ExclusiveGuard {
 public:
  [[gnu::always_inline]] explicit ExclusiveGuard(Lock& lock) ACQUIRE(lock) : lock_(lock) {
    lock_.lock();
  }
  [[gnu::always_inline]] ~ExclusiveGuard() RELEASE() { lock_.unlock(); }
  ExclusiveGuard(const ExclusiveGuard&) = delete;
  ExclusiveGuard& operator=(const ExclusiveGuard&) = delete;

 private:
  Lock& lock_;
};

using SpinlockGuard = ExclusiveGuard<Spinlock>;
using MutexGuard = ExclusiveGuard<Mutex>;
using WriteGuard = ExclusiveGuard<RwLock>;

class SCOPED_CAPABILITY ReadGuard {
 public:
  [[gnu::always_inline]] explicit ReadGuard(RwLock& lock) ACQUIRE_SHARED(lock) : lock_(lock) {
    lock_.lock_shared();
  }
  [[gnu::always_inline]] ~ReadGuard() RELEASE_GENERIC() { lock_.unlock_shared(); }
  ReadGuard(const ReadGuard&) = delete;
  ReadGuard& operator=(const ReadGuard&) = delete;

 private:
  RwLock& lock_;
};

}  // namespace ring3::lockdep
