#include "net/dev/link.h"

#include <algorithm>

namespace ring3::net {

Nanos Link::random_delay() {
  const auto jitter = static_cast<uint64_t>(config_.jitter.value());
  Nanos delay = config_.delay + Nanos(static_cast<int64_t>(prng_.between(0, jitter)));
  if (prng_.chance(config_.reorder_per_mille, 1000)) {
    ++counters_.reordered;
    delay += config_.reorder_delay;
  }
  return delay;
}

// When the last byte of `skb` has left: after those of the packets before it.
Nanos Link::serialized(Nanos now, const SkBuff& skb) {
  if (config_.bytes_per_second == 0) return now;
  constexpr uint64_t kSecond = 1'000'000'000;
  const uint64_t time = skb.length * kSecond / config_.bytes_per_second;
  idle_from_ = std::max(idle_from_, now) + Nanos(static_cast<int64_t>(time));
  return idle_from_;
}

void Link::transmit(Nanos now, SkBuff* skb) {
  ++counters_.sent;
  const Nanos left = serialized(now, *skb);
  if (prng_.chance(config_.loss_per_mille, 1000)) {
    ++counters_.lost;
    pool_.free(skb);
    return;
  }
  if (prng_.chance(config_.duplicate_per_mille, 1000)) {
    if (SkBuff* copy = pool_.clone(*skb)) {
      ++counters_.duplicated;
      enqueue(left + random_delay(), copy);
    }
  }
  enqueue(left + random_delay(), skb);
}

// From the back, where most packets belong.
void Link::enqueue(Nanos arrival, SkBuff* skb) {
  if (queued_ == config_.queue_limit) {
    ++counters_.lost;
    pool_.free(skb);
    return;
  }
  ++queued_;
  skb->time = arrival;
  SkBuff* behind = in_flight_.back();
  while (behind != nullptr && behind->time > arrival) behind = in_flight_.prev(*behind);
  behind == nullptr ? in_flight_.push_front(*skb) : in_flight_.insert_after(*behind, *skb);
}

std::optional<Nanos> Link::next_arrival() const {
  const SkBuff* skb = in_flight_.front();
  if (skb == nullptr) return std::nullopt;
  return skb->time;
}

SkBuff* Link::receive(Nanos now) {
  SkBuff* skb = in_flight_.front();
  if (skb == nullptr || skb->time > now) return nullptr;
  in_flight_.remove(*skb);
  --queued_;
  ++counters_.delivered;
  return skb;
}

}  // namespace ring3::net
