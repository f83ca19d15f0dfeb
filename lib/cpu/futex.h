#pragma once

// Sleeping on a word, as futex(2) has it, in the host or in a simulation.

#include <cstdint>

#include "lib/cpu/atomic.h"

namespace ring3 {

// Sleeps while `word` holds `expected`; may return early, so the caller looks again.
void futex_wait(const Atomic<uint32_t>& word, uint32_t expected);
// Wakes up to `waiters` tasks that sleep on `word`.
void futex_wake(const Atomic<uint32_t>& word, int waiters);

}  // namespace ring3
