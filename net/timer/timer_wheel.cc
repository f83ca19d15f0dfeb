#include "net/timer/timer_wheel.h"

#include <algorithm>
#include <bit>

#include "lib/bits.h"

namespace ring3::net {

// Time in which nothing was due goes by unseen; a delay has the precision of its length only if it
// is counted from now. What is due stays due: the clock does not pass it.
void TimerWheel::forward(Nanos now) {
  const uint64_t tick = to_tick(now);
  clock_ = std::max(clock_, std::min(tick, next_tick().value_or(tick)));
}

void TimerWheel::set(Timer& timer, Nanos now, Nanos delay) {
  cancel(timer);
  forward(now);
  // Rounded up to a tick, and below to a bucket: never early. Overdue is due at the next tick.
  uint64_t tick = to_tick(now + delay + kTick - Nanos(1));
  tick = std::max(tick, clock_);
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
  if (bucket.empty()) {
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
  const auto tick = next_tick();
  if (!tick) return std::nullopt;
  return Nanos(static_cast<int64_t>(*tick) * kTick.value());
}

Timer* TimerWheel::pop_due() {
  for (unsigned level = 0; level < kLevels; ++level) {
    if (!is_aligned(clock_, uint64_t{1} << shift_of(level))) break;
    const auto slot = static_cast<unsigned>((clock_ >> shift_of(level)) % kBuckets);
    Timer* timer = buckets_[level * kBuckets + slot].front();
    if (timer == nullptr) continue;
    cancel(*timer);
    return timer;
  }
  return nullptr;
}

}  // namespace ring3::net
