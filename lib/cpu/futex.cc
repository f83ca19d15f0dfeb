#include "lib/cpu/futex.h"

#include "lib/os.h"

namespace ring3 {

#if RING3_SIM

// The look at the word and the sleep are one step, as in the kernel, where the word's bucket is
// locked for both.
void futex_wait(const Atomic<uint32_t>& word, uint32_t expected) {
  if (!schedule::simulated()) return os::futex_wait(word.host_word(), expected);
  if (word.load(std::memory_order_relaxed) == expected) schedule::scheduler->futex_wait(&word);
}

void futex_wake(const Atomic<uint32_t>& word, int waiters) {
  if (!schedule::simulated()) return os::futex_wake(word.host_word(), waiters);
  schedule::scheduler->futex_wake(&word, waiters);
}

#else

void futex_wait(const Atomic<uint32_t>& word, uint32_t expected) { os::futex_wait(word, expected); }
void futex_wake(const Atomic<uint32_t>& word, int waiters) { os::futex_wake(word, waiters); }

#endif

}  // namespace ring3
