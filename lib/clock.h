#pragma once

// Time as an argument: a simulation and what is limited by the minute take a Clock, so that a test
// can hold it still and make it jump. (net takes `now` itself; lib/os.h has the host's clock.)

#include "lib/os.h"
#include "lib/units.h"

namespace ring3 {

class Clock {
 public:
  // Time since an arbitrary start, which never goes back.
  virtual Nanos now() const = 0;

 protected:
  ~Clock() = default;
};

// The host's CLOCK_MONOTONIC. Safe from any thread.
class SystemClock final : public Clock {
 public:
  Nanos now() const override { return os::monotonic_now(); }
};

inline const SystemClock& system_clock() {
  static const SystemClock clock;
  return clock;
}

// Virtual time: stands still until told to move. One thread at a time.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Nanos start = Nanos(0)) : now_(start) {}
  Nanos now() const override { return now_; }
  void advance_to(Nanos when) {
    CHECK_GE(when, now_);
    now_ = when;
  }
  void advance(Nanos by) { advance_to(now_ + by); }

 private:
  Nanos now_;
};

}  // namespace ring3
