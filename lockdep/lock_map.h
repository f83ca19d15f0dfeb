#pragma once

// What the checker needs in every lock, as the kernel's struct lockdep_map. A lock primitive calls
// acquire() before it waits, try_acquired() after it got the lock without waiting, and release()
// before it lets go.

#include <cstdint>

#include "lib/check.h"
#include "lib/cpu/atomic.h"
#include "lockdep/limits.h"
#include "lockdep/lock_class.h"

namespace ring3::lockdep {

class Lockdep;

// How a lock is taken, numbered as the kernel's `read` argument of lock_acquire().
enum class ReadMode : uint8_t {
  kWrite = 0,
  kRead = 1,           // a reader that waits behind waiting writers
  kRecursiveRead = 2,  // a reader that waits only for a writer inside
};

class LockMap {
 public:
  // `checker` may be null: nobody checks this lock, at the price of one predicted branch an
  // operation. `key` and `checker` outlive the lock; subclass < kMaxSubclasses.
  constexpr LockMap(Lockdep* checker, const LockClassKey& key, unsigned subclass,
                    WaitType wait_type)
      : checker_(checker),
        key_(&key),
        subclass_(static_cast<uint8_t>(subclass)),
        wait_type_(wait_type) {
    CHECK_LT(subclass, kMaxSubclasses);
  }
  LockMap(const LockMap&) = delete;
  LockMap& operator=(const LockMap&) = delete;

  // Always inlined, here and in the locks, so that the address a report names lies in the function
  // that takes the lock.
  [[gnu::always_inline]] void acquire(ReadMode mode) {
    if (checker_ != nullptr) [[unlikely]]
      acquire_checked(mode);
  }
  [[gnu::always_inline]] void try_acquired(ReadMode mode) {
    if (checker_ != nullptr) [[unlikely]]
      try_acquired_checked(mode);
  }
  [[gnu::always_inline]] void release() {
    if (checker_ != nullptr) [[unlikely]]
      release_checked();
  }

  const LockClassKey& key() const { return *key_; }
  unsigned subclass() const { return subclass_; }
  WaitType wait_type() const { return wait_type_; }

  // The class as the checker numbered it, kNoLockClass before the first acquisition. The acquire
  // pairs with the release: who sees the number sees the class it names.
  LockClassId cached_class() const { return LockClassId(class_.load(std::memory_order_acquire)); }
  void cache_class(LockClassId id) { class_.store(id.value(), std::memory_order_release); }

 private:
  [[gnu::noinline]] void acquire_checked(ReadMode mode);
  [[gnu::noinline]] void try_acquired_checked(ReadMode mode);
  [[gnu::noinline]] void release_checked();

  Lockdep* checker_;
  const LockClassKey* key_;
  Atomic<uint16_t> class_{kNoLockClass.value()};
  uint8_t subclass_;
  WaitType wait_type_;
};

}  // namespace ring3::lockdep
