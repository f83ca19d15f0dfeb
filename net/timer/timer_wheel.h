#pragma once

// The kernel's hierarchical timer wheel without cascading (kernel/time/timer.c, since 4.8): nine
// levels of 64 buckets, each level eight times as coarse as the one below. A timer goes into one
// bucket and stays there: setting and cancelling are O(1), and the price is precision. A timer is
// never early, and late by less than 8/63 of its delay (about an eighth), plus two ticks.
//
// Pure: one thread, time is an argument. Any time may be given: what lies before 0 is 0, and what
// lies beyond the end of the clock is the end.

#include <array>
#include <cstdint>
#include <optional>

#include "lib/list.h"
#include "lib/units.h"

namespace ring3::net {

// What can be set on a wheel, by anybody. Whoever it belongs to must cancel it before it goes.
struct Timer {
  ListNode node;
  uint32_t bucket = 0;
  // Called when it expires, no longer pending; may set it again.
  void (*function)(Timer& timer, Nanos now) = nullptr;
  void* context = nullptr;  // the function's own
  bool pending() const { return node.linked(); }
};

class TimerWheel {
 public:
  static constexpr Nanos kTick = milliseconds(1);

  explicit TimerWheel(Nanos start) : clock_(to_tick(start)) {}

  // `timer` is due `delay` after `now`, whatever it was set to before. Delays longer than the wheel
  // reaches (12 days) end when it reaches; one of 0 or less is due at the next tick.
  void set(Timer& timer, Nanos now, Nanos delay);
  // Does nothing when the timer is not pending.
  void cancel(Timer& timer);

  // When the next bucket is due, which is when its timers fire; nothing when none is pending.
  std::optional<Nanos> next_expiry() const;

  // Moves time to `now` and calls the function of each timer that is due, as below.
  void advance(Nanos now) {
    advance(now, [now](Timer& timer) { timer.function(timer, now); });
  }
  // Moves time to `now` and calls expire(Timer&) for each timer that is due, bucket by bucket, with
  // the timer no longer pending. expire may set and cancel any timer; what it sets is not due
  // before the tick after `now`, so that each timer expires at most once. Time never goes back.
  template <class Expire>
  void advance(Nanos now, Expire expire) {
    collect_due(to_tick(now));
    while (Timer* timer = buckets_[kDue].front()) {
      cancel(*timer);
      expire(*timer);
    }
  }

 private:
  static constexpr unsigned kLevels = 9;
  static constexpr unsigned kBuckets = 64;
  static constexpr unsigned kLevelShift = 3;
  // Behind the buckets of all levels: timers whose bucket is due and that wait for advance().
  static constexpr unsigned kDue = kLevels * kBuckets;
  using Bucket = List<Timer, &Timer::node>;

  static uint64_t to_tick(Nanos time);
  static uint64_t to_tick_rounded_up(Nanos now, Nanos delay);
  static unsigned shift_of(unsigned level) { return level * kLevelShift; }

  // Moves every timer that is due at `tick` or before to the due ones, in the order of their
  // buckets, and time to `tick`.
  void collect_due(uint64_t tick);
  // The first occupied bucket's tick.
  std::optional<uint64_t> next_tick() const;

  // The first tick whose buckets have not been collected: new timers go there or later.
  uint64_t clock_;
  uint64_t due_since_ = 0;  // the tick of the oldest due timer
  std::array<Bucket, kLevels * kBuckets + 1> buckets_;
  std::array<uint64_t, kLevels> occupied_{};  // a bit a bucket
};

}  // namespace ring3::net
