#pragma once

// The sizes of a checker's tables: Linux 6.1's (kernel/locking/lockdep_internals.h) by default.
// Memory is reserved for all of them and touched as it is used. Reaching one turns the checker
// off with a message that names it.

#include <cstddef>
#include <cstdint>

namespace ring3::lockdep {

// MAX_LOCK_DEPTH: locks one thread holds at once, over all checkers.
inline constexpr size_t kMaxHeldLocks = 48;
// MAX_LOCKDEP_SUBCLASSES.
inline constexpr unsigned kMaxSubclasses = 8;
// What fits a LockClassId beside kNoLockClass.
inline constexpr uint32_t kMaxLockClasses = 65535;

struct Limits {
  uint32_t classes = 8192;  // MAX_LOCKDEP_KEYS; at most kMaxLockClasses
  uint32_t edges = 32768;   // MAX_LOCKDEP_ENTRIES
  uint32_t chains = 65536;  // MAX_LOCKDEP_CHAINS
};

}  // namespace ring3::lockdep
