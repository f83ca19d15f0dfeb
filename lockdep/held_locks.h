#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/check.h"
#include "lib/cpu/task.h"
#include "lockdep/limits.h"
#include "lockdep/lock_map.h"

namespace ring3::lockdep {

// One lock that a task holds.
struct HeldLock {
  const Lockdep* checker = nullptr;
  const LockMap* instance = nullptr;
  // Names the sequence of (class, mode) from the checker's oldest held lock up to this one.
  uint64_t chain_key = 0;
  uintptr_t acquire_ip = 0;
  LockClassId class_id{};
  ReadMode mode = ReadMode::kWrite;
  bool trylock = false;
};

// The locks a task holds, oldest first, of all checkers together. Touched by its own task only.
//
// Invariant: the chain keys of one checker's entries are what extend_chain_key() makes of them in
// order, from kEmptyChainKey.
class HeldLocks {
 public:
  static constexpr uint64_t kEmptyChainKey = 0;

  constexpr HeldLocks() = default;
  HeldLocks(const HeldLocks&) = delete;
  HeldLocks& operator=(const HeldLocks&) = delete;

  std::span<const HeldLock> entries() const { return {entries_.data(), depth_}; }
  size_t depth() const { return depth_; }
  bool full() const { return depth_ == kMaxHeldLocks; }

  // The key of everything this task holds of `checker`; kEmptyChainKey when that is nothing.
  uint64_t chain_key(const Lockdep* checker) const {
    for (size_t i = depth_; i > 0; --i) {
      if (entries_[i - 1].checker == checker) return entries_[i - 1].chain_key;
    }
    return kEmptyChainKey;
  }

  // Must not be full.
  void push(const HeldLock& lock) {
    CHECK(!full());
    entries_[depth_++] = lock;
  }

  // Takes out the newest entry of `instance`, whatever was taken after it; false when there is
  // none.
  bool remove(const LockMap* instance);

 private:
  void rebuild_chain_keys(size_t from);

  std::array<HeldLock, kMaxHeldLocks> entries_{};
  size_t depth_ = 0;
};

// The key of the chain `key` followed by one more lock. A bijection for a given lock that mixes
// every bit (splitmix64): two of the at most 65536 chains share a key with a chance below 2^-32.
constexpr uint64_t extend_chain_key(uint64_t key, LockClassId class_id, ReadMode mode) {
  // Rotated, so that the order of locks counts; never 0 added, so that no chain is the empty one.
  uint64_t z = ((key << 29) | (key >> 35)) ^
               ((uint64_t{class_id.value()} << 2 | static_cast<uint64_t>(mode)) + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// `task`'s own: all zeros, which it begins with, is nothing held.
inline HeldLocks& held_locks_of(Task& task) {
  static_assert(sizeof(HeldLocks) <= Task::kHeldLocksBytes);
  return *reinterpret_cast<HeldLocks*>(task.held_locks());
}

}  // namespace ring3::lockdep
