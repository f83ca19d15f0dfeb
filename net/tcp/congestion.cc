#include "net/tcp/congestion.h"

#include <algorithm>

namespace ring3::net {

void Congestion::acked(uint32_t bytes) {
  if (cwnd_ < ssthresh_) {
    cwnd_ += std::min(bytes, mss_);
  } else {
    cwnd_ += std::max(1u, static_cast<uint32_t>(uint64_t{mss_} * mss_ / cwnd_));
  }
}

void Congestion::enter_recovery(uint32_t flight) {
  in_recovery_ = true;
  ssthresh_ = half_of(flight);
  cwnd_ = ssthresh_ + 3 * mss_;
}

void Congestion::partial_ack(uint32_t bytes) {
  // What left the network is taken back, but for the segment that is sent again.
  cwnd_ = std::max(mss_, cwnd_ - std::min(bytes, cwnd_));
  if (bytes >= mss_) cwnd_ += mss_;
}

void Congestion::leave_recovery(uint32_t flight) {
  in_recovery_ = false;
  cwnd_ = std::min(ssthresh_, std::max(flight, mss_) + mss_);
}

void Congestion::timed_out(uint32_t flight, bool first) {
  in_recovery_ = false;
  if (first) ssthresh_ = half_of(flight);
  cwnd_ = mss_;
}

}  // namespace ring3::net
