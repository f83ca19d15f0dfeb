#pragma once

// This thread on one CPU, for tests that say what a CPU has.

#include <sched.h>

namespace ring3::test {

class Pinned {
 public:
  explicit Pinned(unsigned cpu) {
    sched_getaffinity(0, sizeof allowed_, &allowed_);
    done_ = move_to(cpu);
  }
  ~Pinned() { sched_setaffinity(0, sizeof allowed_, &allowed_); }
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;

  // False when this process may not run there; then the thread stays where it may be.
  bool move_to(unsigned cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
  }
  bool done() const { return done_; }

 private:
  cpu_set_t allowed_;
  bool done_;
};

}  // namespace ring3::test
