#pragma once

// Reno congestion control with NewReno's recovery (RFC 5681, 6582, 6928) and appropriate byte
// counting (RFC 3465), in bytes. Pure.

#include <algorithm>
#include <cstdint>
#include <limits>

namespace ring3::net {

class Congestion {
 public:
  explicit Congestion(uint32_t mss) : mss_(mss), cwnd_(initial_window()) {}

  // How much may be in flight.
  uint32_t cwnd() const { return cwnd_; }
  uint32_t ssthresh() const { return ssthresh_; }
  bool in_recovery() const { return in_recovery_; }

  // `bytes` of the `flight` bytes on the way were acknowledged for the first time, outside
  // recovery. Where the window was not what limited the flight, nothing is learnt. Else slow start
  // adds what was acknowledged, at most two segments (one after a timeout); congestion avoidance a
  // segment for each window of bytes.
  void acked(uint32_t bytes, uint32_t flight);

  // The handshake needed retransmissions: data starts with one segment (RFC 5681 section 3.1).
  void syn_was_lost() { cwnd_ = mss_; }
  // Nothing was sent for longer than the retransmission timeout, and nothing is on the way: what
  // the window was says nothing of the path any more (RFC 5681 section 4.1).
  void restart_after_idle() { cwnd_ = std::min(cwnd_, initial_window()); }

  // The third duplicate acknowledgement, with `flight` bytes on the way: fast retransmit.
  void enter_recovery(uint32_t flight);
  // Another one in recovery: a segment has left the network.
  void duplicate_ack() { grow(mss_); }
  // In recovery, `bytes` were acknowledged but not all that was sent before it (RFC 6582 step 3).
  void partial_ack(uint32_t bytes);
  // All that was sent before recovery is acknowledged; `flight` bytes of later data are on the way.
  void leave_recovery(uint32_t flight);

  // The retransmission timer expired; `first` when it is the first time for this segment.
  void timed_out(uint32_t flight, bool first);

 private:
  uint32_t initial_window() const { return 10 * mss_; }
  // The window stays at what 32 bits hold.
  void grow(uint32_t bytes) {
    cwnd_ += std::min(bytes, std::numeric_limits<uint32_t>::max() - cwnd_);
  }
  uint32_t half_of(uint32_t flight) const { return flight / 2 > 2 * mss_ ? flight / 2 : 2 * mss_; }

  uint32_t mss_;
  uint32_t cwnd_;
  uint32_t ssthresh_ = std::numeric_limits<uint32_t>::max();
  uint64_t avoidance_acked_ = 0;  // bytes acknowledged since congestion avoidance last grew
  bool in_recovery_ = false;
  bool after_timeout_ = false;  // until slow start has ended
};

}  // namespace ring3::net
