#pragma once

// The kernel's hierarchical timer wheel without cascading (kernel/time/timer.c, since 4.8): nine
// levels of 64 buckets, each level eight times as coarse as the one below. A timer goes into one
// bucket and stays there: setting and cancelling are O(1), and the price is precision. A timer is
// never early, and late by less than 8/63 of its delay (about an eighth), plus two ticks.
//
// Pure: one thread, time is an argument.

#include <array>
#include <cstdint>
#include <optional>

#include "lib/list.h"
#include "lib/units.h"

namespace ring3::net {

class TcpSock;

// What can be set on a wheel. Whoever it belongs to must cancel it before it goes.
struct Timer {
  ListNode node;
  uint32_t bucket = 0;
  TcpSock* owner = nullptr;  // whom it wakes; the wheel does not look at it
  bool pending() const { return node.linked(); }
};

class TimerWheel {
 public:
  static constexpr Nanos kTick = milliseconds(1);

  explicit TimerWheel(Nanos start) : clock_(to_tick(start)) {}

  // `timer` is due `delay` after `now`, whatever it was set to before. Delays longer than the wheel
  // reaches (12 days) end when it reaches.
  void set(Timer& timer, Nanos now, Nanos delay);
  // Does nothing when the timer is not pending.
  void cancel(Timer& timer);

  // When the next bucket is due, which is when its timers fire; nothing when none is pending.
  std::optional<Nanos> next_expiry() const;

  // Moves time to `now` and calls expire(Timer&) for each timer that is due, bucket by bucket, with
  // the timer no longer pending. expire may set and cancel any timer. Time never goes back.
  template <class Expire>
  void advance(Nanos now, Expire expire) {
    const uint64_t tick = to_tick(now);
    for (auto next = next_tick(); next && *next <= tick; next = next_tick()) {
      clock_ = *next;
      while (Timer* timer = pop_due()) expire(*timer);
      ++clock_;
    }
    clock_ = clock_ > tick ? clock_ : tick;
  }

 private:
  static constexpr unsigned kLevels = 9;
  static constexpr unsigned kBuckets = 64;
  static constexpr unsigned kLevelShift = 3;
  using Bucket = List<Timer, &Timer::node>;

  static uint64_t to_tick(Nanos time) { return static_cast<uint64_t>(time / kTick); }
  static unsigned shift_of(unsigned level) { return level * kLevelShift; }

  void forward(Nanos now);
  std::optional<uint64_t> next_tick() const;
  // A timer of a bucket that is due at exactly clock_, taken out; null when there is none.
  Timer* pop_due();

  // The tick that time has reached: buckets before it have fired.
  uint64_t clock_;
  std::array<Bucket, kLevels * kBuckets> buckets_;
  std::array<uint64_t, kLevels> occupied_{};  // a bit a bucket
};

}  // namespace ring3::net
