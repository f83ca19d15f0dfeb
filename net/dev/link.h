#pragma once

// One direction of a wire in virtual time: packets take a while, some are lost, doubled, or
// overtaken by others, all from a seed.

#include <cstdint>
#include <optional>

#include "lib/prng.h"
#include "net/dev/device.h"

namespace ring3::net {

struct LinkConfig {
  Nanos delay = milliseconds(10);
  Nanos jitter{0};  // added to the delay, uniformly from 0 to this
  uint32_t loss_per_mille = 0;
  uint32_t duplicate_per_mille = 0;
  uint32_t reorder_per_mille = 0;  // packets that are held back by reorder_delay
  Nanos reorder_delay = milliseconds(5);
  uint64_t bytes_per_second = 0;  // how fast packets follow each other; 0: as fast as they come
  unsigned queue_limit = 1000;    // packets waiting or on the way; one more is lost
};

struct LinkCounters {
  uint64_t sent = 0;
  uint64_t lost = 0;  // at random, or over the queue limit, or for want of memory
  uint64_t duplicated = 0;
  uint64_t reordered = 0;
  uint64_t delivered = 0;
};

class Link final : public Device {
 public:
  // `pool` outlives the link.
  Link(const LinkConfig& config, SkbPool& pool, Prng prng)
      : config_(config), pool_(pool), prng_(prng) {}
  ~Link() { pool_.free_all(in_flight_); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  void transmit(Nanos now, SkBuff* skb) override;

  // When the next packet arrives; nothing when none is on the way.
  std::optional<Nanos> next_arrival() const;
  // Takes the next packet if it has arrived by `now`; null when none has.
  SkBuff* receive(Nanos now);

  const LinkCounters& counters() const { return counters_; }

 private:
  void enqueue(Nanos arrival, SkBuff* skb);
  Nanos random_delay();
  Nanos serialized(Nanos now, const SkBuff& skb);

  const LinkConfig config_;
  SkbPool& pool_;
  Prng prng_;
  SkbQueue in_flight_;  // by arrival; equal ones in the order they were sent
  unsigned queued_ = 0;
  Nanos idle_from_{0};  // when the last packet has left the sender, given a rate
  LinkCounters counters_;
};

}  // namespace ring3::net
