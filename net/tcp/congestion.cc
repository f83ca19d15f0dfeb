#include "net/tcp/congestion.h"

#include <algorithm>

namespace ring3::net {

void Congestion::acked(uint32_t bytes, uint32_t flight) {
  const bool limits = uint64_t{flight} + mss_ > cwnd_;
  if (!limits) return;
  if (cwnd_ < ssthresh_) {
    // L of RFC 3465: after a timeout one acknowledgement may stand for many segments that had
    // arrived long before.
    grow(std::min(bytes, after_timeout_ ? mss_ : 2 * mss_));
    return;
  }
  after_timeout_ = false;
  avoidance_acked_ += bytes;
  if (avoidance_acked_ < cwnd_) return;
  avoidance_acked_ -= cwnd_;
  grow(mss_);
}

void Congestion::enter_recovery(uint32_t flight) {
  in_recovery_ = true;
  ssthresh_ = half_of(flight);
  cwnd_ = ssthresh_;
  grow(3 * mss_);
  avoidance_acked_ = 0;
}

void Congestion::partial_ack(uint32_t bytes) {
  // What left the network is taken back, but for the segment that is sent again.
  cwnd_ = std::max(mss_, cwnd_ - std::min(bytes, cwnd_));
  if (bytes >= mss_) grow(mss_);
}

void Congestion::leave_recovery(uint32_t flight) {
  in_recovery_ = false;
  cwnd_ = std::min(ssthresh_, std::max(flight, mss_) + mss_);
}

void Congestion::timed_out(uint32_t flight, bool first) {
  in_recovery_ = false;
  if (first) ssthresh_ = half_of(flight);
  cwnd_ = mss_;
  avoidance_acked_ = 0;
  after_timeout_ = true;
}

}  // namespace ring3::net
