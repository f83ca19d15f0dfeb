#include "net/tcp/rtt.h"

#include <algorithm>

#include "net/timer/timer_wheel.h"

namespace ring3::net {

void RttEstimator::sample(Nanos round_trip) {
  // A round trip in no time at all still is one.
  const Nanos r = std::max(round_trip, Nanos(1));
  if (!has_sample()) {
    srtt_ = r;  // (2.2)
    rttvar_ = r / 2;
  } else {  // (2.3), alpha = 1/8, beta = 1/4
    const Nanos error = srtt_ > r ? srtt_ - r : r - srtt_;
    rttvar_ = (rttvar_ * 3 + error) / 4;
    srtt_ = (srtt_ * 7 + r) / 8;
  }
  // K = 4; the clock's granularity G is the timer's tick.
  rto_ = std::clamp(srtt_ + std::max(TimerWheel::kTick, rttvar_ * 4), minimum_, maximum_);
  backoff_ = 0;
}

void RttEstimator::back_off() {
  if (rto() < maximum_) ++backoff_;
}

void RttEstimator::start_over_after_syn_loss() {
  if (!has_sample()) rto_ = std::clamp(seconds(3), minimum_, maximum_);
  backoff_ = 0;
}

Nanos RttEstimator::rto() const {
  return std::min(rto_ * (int64_t{1} << std::min(backoff_, 16u)), maximum_);
}

}  // namespace ring3::net
