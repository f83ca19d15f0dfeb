#include "net/timer/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "lib/bits.h"

namespace ring3::net {
namespace {

constexpr uint64_t kLastTick = static_cast<uint64_t>(Nanos::max() / TimerWheel::kTick);

}  // namespace

uint64_t TimerWheel::to_tick(Nanos time) {
  return static_cast<uint64_t>(std::max(time, Nanos(0)) / kTick);
}

uint64_t TimerWheel::to_tick_rounded_up(Nanos now, Nanos delay) {
  const Nanos start = std::max(now, Nanos(0));
  const Nanos wait = std::max(delay, Nanos(0));
  if (wait > Nanos::max() - start) return kLastTick;
  const Nanos when = start + wait;
  return to_tick(when) + (when.value() % kTick.value() != 0);
}

void TimerWheel::set(Timer& timer, Nanos now, Nanos delay) {
  cancel(timer);
  // A delay has the precision of its length only if it is counted from now. What is overdue already
  // leaves the wheel for that, and waits for advance().
  if (const uint64_t now_tick = to_tick(now); now_tick > clock_) {
    collect_due(now_tick - 1);
    clock_ = now_tick;
  }

  // Rounded up to a tick, and below to a bucket: never early. Overdue is due at the next tick.
  uint64_t tick = std::max(to_tick_rounded_up(now, delay), clock_);
  constexpr uint64_t kReach = uint64_t{kBuckets - 1} << ((kLevels - 1) * kLevelShift);
  tick = std::min(tick, clock_ + kReach - 1);

  // A level holds what is less than 63 of its buckets away, so that rounding up never laps it.
  unsigned level = 0;
  while (tick - clock_ >= uint64_t{kBuckets - 1} << shift_of(level)) ++level;
  const uint64_t position = div_round_up(tick, uint64_t{1} << shift_of(level));
  const auto slot = static_cast<unsigned>(position % kBuckets);
  timer.bucket = level * kBuckets + slot;
  buckets_[timer.bucket].push_back(timer);
  occupied_[level] |= uint64_t{1} << slot;
}

void TimerWheel::cancel(Timer& timer) {
  if (!timer.pending()) return;
  Bucket& bucket = buckets_[timer.bucket];
  bucket.remove(timer);
  if (bucket.empty() && timer.bucket != kDue) {
    occupied_[timer.bucket / kBuckets] &= ~(uint64_t{1} << (timer.bucket % kBuckets));
  }
}

std::optional<uint64_t> TimerWheel::next_tick() const {
  std::optional<uint64_t> next;
  for (unsigned level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    // The first position of this level that has not fired, and the first occupied one from there.
    const uint64_t first = div_round_up(clock_, uint64_t{1} << shift_of(level));
    const uint64_t turned = std::rotr(occupied_[level], static_cast<int>(first % kBuckets));
    const uint64_t position = first + static_cast<uint64_t>(std::countr_zero(turned));
    const uint64_t tick = position << shift_of(level);
    if (!next || tick < *next) next = tick;
  }
  return next;
}

std::optional<Nanos> TimerWheel::next_expiry() const {
  const auto tick = buckets_[kDue].empty() ? next_tick() : due_since_;
  if (!tick) return std::nullopt;
  return Nanos(static_cast<int64_t>(std::min(*tick, kLastTick)) * kTick.value());
}

void TimerWheel::collect_due(uint64_t tick) {
  // In the last tick everything is due: a bucket beyond it will not be reached.
  const uint64_t last = tick < kLastTick ? tick : std::numeric_limits<uint64_t>::max();
  for (auto next = next_tick(); next && *next <= last; next = next_tick()) {
    clock_ = *next;
    if (buckets_[kDue].empty()) due_since_ = clock_;
    for (unsigned level = 0; level < kLevels; ++level) {
      if (!is_aligned(clock_, uint64_t{1} << shift_of(level))) break;
      const auto slot = static_cast<unsigned>((clock_ >> shift_of(level)) % kBuckets);
      while (Timer* timer = buckets_[level * kBuckets + slot].front()) {
        cancel(*timer);
        timer->bucket = kDue;
        buckets_[kDue].push_back(*timer);
      }
    }
    ++clock_;
  }
  clock_ = std::max(clock_, buckets_[kDue].empty() ? tick : tick + 1);
}

}  // namespace ring3::net
