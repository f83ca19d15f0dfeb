#include "lockdep/mutex.h"

#include "lib/cpu/futex.h"

namespace ring3::lockdep {

// Marks the lock contended before each sleep. Whoever gets it here leaves it so, because others
// may sleep still: at worst one wake-up too many.
void Mutex::lock_slow() {
  while (state_.exchange(kContended, std::memory_order_acquire) != kFree) {
    futex_wait(state_, kContended);
  }
}

void Mutex::wake_slow() { futex_wake(state_, 1); }

}  // namespace ring3::lockdep
