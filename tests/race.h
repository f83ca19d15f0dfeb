#pragma once

// Two threads that do something at the same moment, again and again.

#include <atomic>
#include <thread>

#include "lib/cpu/raw_spinlock.h"

namespace ring3::test {

// Spins, and gives the CPU away should the other thread have none.
inline void wait_for(const std::atomic<int>& count, int value) {
  Backoff backoff;
  while (count.load(std::memory_order_acquire) < value) backoff.pause(&count);
}

// Calls prepare(), then one() here and other() in another thread as nearly at once as can be, and
// waits for both; `rounds` times.
template <class Prepare, class One, class Other>
void race(int rounds, Prepare prepare, One one, Other other) {
  std::atomic<int> turn{0};
  std::atomic<int> done{0};
  // The releases pair with the acquires on either side: what prepare() wrote is seen by other(),
  // and what other() did before the next round.
  std::thread thread([&] {
    for (int i = 1; i <= rounds; ++i) {
      wait_for(turn, i);
      other();
      done.store(i, std::memory_order_release);
    }
  });
  for (int i = 1; i <= rounds; ++i) {
    prepare();
    turn.store(i, std::memory_order_release);
    one();
    wait_for(done, i);
  }
  thread.join();
}

}  // namespace ring3::test
