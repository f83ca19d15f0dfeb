#pragma once

#include <variant>

#include "lockdep/lockdep.h"

namespace ring3::harness {

// A lock of one of three kinds, chosen at run time. Which lock is held is then known only at run
// time too, which clang's analysis cannot follow.
class AnyLock {
 public:
  enum class Kind { kMutex, kRwLock, kSpinlock };

  AnyLock(Kind kind, lockdep::Lockdep& checker, const lockdep::LockClassKey& key) {
    switch (kind) {
      case Kind::kMutex:
        lock_.emplace<lockdep::Mutex>(&checker, key);
        break;
      case Kind::kRwLock:
        lock_.emplace<lockdep::RwLock>(&checker, key);
        break;
      case Kind::kSpinlock:
        lock_.emplace<lockdep::Spinlock>(&checker, key);
        break;
    }
  }

  bool can_share() const { return std::holds_alternative<lockdep::RwLock>(lock_); }

  // Shared only where can_share().
  void acquire(bool shared) NO_THREAD_SAFETY_ANALYSIS {
    if (auto* rwlock = std::get_if<lockdep::RwLock>(&lock_)) {
      shared ? rwlock->lock_shared() : rwlock->lock();
    } else if (auto* mutex = std::get_if<lockdep::Mutex>(&lock_)) {
      mutex->lock();
    } else {
      std::get<lockdep::Spinlock>(lock_).lock();
    }
  }
  [[nodiscard]] bool try_acquire() NO_THREAD_SAFETY_ANALYSIS {
    if (auto* rwlock = std::get_if<lockdep::RwLock>(&lock_)) return rwlock->try_lock();
    if (auto* mutex = std::get_if<lockdep::Mutex>(&lock_)) return mutex->try_lock();
    return std::get<lockdep::Spinlock>(lock_).try_lock();
  }
  void release(bool shared) NO_THREAD_SAFETY_ANALYSIS {
    if (auto* rwlock = std::get_if<lockdep::RwLock>(&lock_)) {
      shared ? rwlock->unlock_shared() : rwlock->unlock();
    } else if (auto* mutex = std::get_if<lockdep::Mutex>(&lock_)) {
      mutex->unlock();
    } else {
      std::get<lockdep::Spinlock>(lock_).unlock();
    }
  }

 private:
  std::variant<std::monostate, lockdep::Mutex, lockdep::RwLock, lockdep::Spinlock> lock_;
};

}  // namespace ring3::harness
