#pragma once

// Schedule points: the places where what another task does meanwhile could matter.
//
// MODE=sim compiles them in (RING3_SIM): there every operation on an Atomic, every wait and every
// step of a per-CPU sequence asks the Scheduler of this thread first, if it has one, and a
// simulation decides who goes on (harness/sim/world.h). In other builds nothing of this is left.

#include <atomic>
#include <cstdint>

#include "lib/clock.h"
#include "lib/units.h"

#ifndef RING3_SIM
#define RING3_SIM 0
#endif

namespace ring3::schedule {

// What the running task is about to do with the word at an address.
enum class Access : uint8_t {
  kLoad,
  kStore,
  kUpdate,  // read, modify, write
};

#if RING3_SIM

// What a simulation does for its tasks. All calls come from the task that runs, and return when it
// runs again.
class Scheduler {
 public:
  // Before an access. Afterwards the task may be on another CPU.
  virtual void point(Access access, const void* address) = 0;
  // After it: what it did to memory. `order` is that of the access; nobody ran in between.
  virtual void performed(Access access, const void* address, std::memory_order order) = 0;

  // Waits until somebody stores to or updates the word at `address`: a spinning loop's pause.
  virtual void wait_for_change(const void* address) = 0;
  // As futex(2): sleeps until a wake, looks at nothing; and wakes up to `waiters`, the first first.
  virtual void futex_wait(const void* address) = 0;
  virtual void futex_wake(const void* address, int waiters) = 0;

  // A restartable sequence of the running task begins. From then on, false: it was preempted, moved
  // or fenced, and must begin again.
  virtual void begin_sequence() = 0;
  virtual bool sequence_intact() = 0;
  // membarrier's rseq fence: whoever is in a sequence on `cpu` begins again.
  virtual void fence(unsigned cpu) = 0;

  // Virtual time.
  virtual Nanos now() = 0;

  // The running task cannot go on, and why: the run ends. Returns only where no task runs.
  virtual void give_up(const char* why) = 0;

 protected:
  ~Scheduler() = default;
};

// Of this thread; null when it runs no simulation.
extern constinit thread_local Scheduler* scheduler __attribute__((tls_model("initial-exec")));

inline bool simulated() { return scheduler != nullptr; }

inline void point(Access access, const void* address) {
  if (scheduler != nullptr) scheduler->point(access, address);
}
inline void performed(Access access, const void* address, std::memory_order order) {
  if (scheduler != nullptr) scheduler->performed(access, address, order);
}

// What time it is for the running task: virtual in a simulation.
inline Nanos now(const Clock& clock) {
  return scheduler != nullptr ? scheduler->now() : clock.now();
}

#else

inline constexpr bool simulated() { return false; }
inline Nanos now(const Clock& clock) { return clock.now(); }

#endif

}  // namespace ring3::schedule
