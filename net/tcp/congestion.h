#pragma once

// Reno congestion control with NewReno's recovery (RFC 5681, 6582, 6928), in bytes. Pure.

#include <cstdint>
#include <limits>

namespace ring3::net {

class Congestion {
 public:
  explicit Congestion(uint32_t mss) : mss_(mss), cwnd_(10 * mss) {}

  // How much may be in flight.
  uint32_t cwnd() const { return cwnd_; }
  uint32_t ssthresh() const { return ssthresh_; }
  bool in_recovery() const { return in_recovery_; }

  // `bytes` were acknowledged for the first time, outside recovery: slow start adds what was
  // acknowledged, at most a segment; congestion avoidance a segment a round trip.
  void acked(uint32_t bytes);

  // The third duplicate acknowledgement, with `flight` bytes on the way: fast retransmit.
  void enter_recovery(uint32_t flight);
  // Another one in recovery: a segment has left the network.
  void duplicate_ack() { cwnd_ += mss_; }
  // In recovery, `bytes` were acknowledged but not all that was sent before it (RFC 6582 step 3).
  void partial_ack(uint32_t bytes);
  // All that was sent before recovery is acknowledged; `flight` bytes of later data are on the way.
  void leave_recovery(uint32_t flight);

  // The retransmission timer expired; `first` when it is the first time for this segment.
  void timed_out(uint32_t flight, bool first);

 private:
  uint32_t half_of(uint32_t flight) const { return flight / 2 > 2 * mss_ ? flight / 2 : 2 * mss_; }

  uint32_t mss_;
  uint32_t cwnd_;
  uint32_t ssthresh_ = std::numeric_limits<uint32_t>::max();
  bool in_recovery_ = false;
};

}  // namespace ring3::net
