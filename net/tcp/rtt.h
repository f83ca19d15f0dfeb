#pragma once

// The retransmission timeout (RFC 6298): from measured round trips, doubled at each expiry. Pure.

#include "lib/units.h"
#include "net/tcp/tcp_config.h"

namespace ring3::net {

class RttEstimator {
 public:
  explicit RttEstimator(const TcpConfig& config)
      : minimum_(config.rto_min), maximum_(config.rto_max), rto_(config.rto_initial) {}

  // A round trip of a segment that was sent once (Karn's algorithm is the caller's part). Ends any
  // backoff.
  void sample(Nanos round_trip);

  // The timer expired: the timeout doubles, up to the maximum (5.5).
  void back_off();
  // New data was acknowledged: back to what the round trips say.
  void end_back_off() { backoff_ = 0; }
  // The handshake needed retransmissions: data starts with 3 s (5.7).
  void start_over_after_syn_loss();

  Nanos rto() const;
  bool has_sample() const { return srtt_ != Nanos(0); }
  Nanos srtt() const { return srtt_; }
  Nanos rttvar() const { return rttvar_; }
  unsigned backoff() const { return backoff_; }

 private:
  Nanos minimum_;
  Nanos maximum_;
  Nanos srtt_{0};
  Nanos rttvar_{0};
  Nanos rto_;
  unsigned backoff_ = 0;
};

}  // namespace ring3::net
