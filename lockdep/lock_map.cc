#include "lockdep/lock_map.h"

#include "lib/stack_trace.h"
#include "lockdep/held_locks.h"
#include "lockdep/validator.h"

namespace ring3::lockdep {

// Not inlined, so that the call site is in the function that takes the lock.
void LockMap::acquire_checked(ReadMode mode) {
  checker_->acquire(current_held_locks(), *this, mode, RING3_CALL_SITE());
}

void LockMap::try_acquired_checked(ReadMode mode) {
  checker_->try_acquired(current_held_locks(), *this, mode, RING3_CALL_SITE());
}

void LockMap::release_checked() {
  checker_->release(current_held_locks(), *this, RING3_CALL_SITE());
}

}  // namespace ring3::lockdep
