#include "lockdep/rwlock.h"

#include "lib/cpu/raw_spinlock.h"

namespace ring3::lockdep {

void RwLock::lock_slow() {
  Backoff backoff;
  do {
    while (state_.load(std::memory_order_relaxed) != 0) backoff.pause(&state_);
  } while (!take_write());
}

void RwLock::lock_shared_slow() {
  Backoff backoff;
  while (!take_read()) backoff.pause(&state_);
}

}  // namespace ring3::lockdep
