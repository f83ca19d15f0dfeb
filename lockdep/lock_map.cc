#include "lockdep/lock_map.h"

#include "lib/stack_trace.h"
#include "lockdep/held_locks.h"
#include "lockdep/validator.h"

namespace ring3::lockdep {

// Not inlined, so that the call site is in the function that takes the lock.
void LockMap::acquire_checked(ReadMode mode) {
  checker_->acquire(held_locks_of(Task::current()), *this, mode, RING3_CALL_SITE());
}

void LockMap::try_acquired_checked(ReadMode mode) {
  checker_->try_acquired(held_locks_of(Task::current()), *this, mode, RING3_CALL_SITE());
}

void LockMap::release_checked() {
  checker_->release(held_locks_of(Task::current()), *this, RING3_CALL_SITE());
}

}  // namespace ring3::lockdep
