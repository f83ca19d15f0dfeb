#include "net/tcp/tcp_config.h"

#include <algorithm>
#include <array>
#include <limits>

#include "net/skb/skb.h"
#include "net/timer/timer_wheel.h"
#include "net/wire/ipv4.h"
#include "net/wire/tcp_segment.h"

namespace ring3::net {
namespace {

static_assert(kIpv4HeaderBytes + kTcpHeaderBytes + kLargestMss == kMtuBytes,
              "the largest segment fills a packet");

constexpr Nanos kLongest = seconds(86400);

// One field of a TcpConfig and the values that are right.
struct Limit {
  const char* field;
  int64_t value;
  int64_t least;
  int64_t most;
  const char* why;
};

// The fields of `config`, times in nanoseconds.
std::array<Limit, 15> limits_of(const TcpConfig& config) {
  constexpr int64_t kMost32 = std::numeric_limits<uint32_t>::max();
  const int64_t tick = TimerWheel::kTick.value();
  const int64_t longest = kLongest.value();
  return {{
      {"mss", config.mss, kSmallestMss, kLargestMss, "headers and data fit a packet of 1500 bytes"},
      {"send_buffer_bytes",
       static_cast<int64_t>(std::min<uint64_t>(config.send_buffer_bytes, 1ull << 62)), 1,
       int64_t{1} << 30, "sequence numbers tell less than 2^31 bytes apart"},
      {"receive_buffer_bytes", config.receive_buffer_bytes, kSmallestMss, kMost32,
       "a window must hold a segment"},
      {"rto_max", config.rto_max.value(), tick, longest, "a tick to a day"},
      {"rto_min", config.rto_min.value(), tick, config.rto_max.value(), "a tick to rto_max"},
      {"rto_initial", config.rto_initial.value(), tick, config.rto_max.value(),
       "a tick to rto_max"},
      {"syn_retries", config.syn_retries, 0, 127, "as net.ipv4.tcp_syn_retries"},
      {"data_retries", config.data_retries, 0, 255, "as net.ipv4.tcp_retries2"},
      {"delayed_ack", config.delayed_ack.value(), 0, milliseconds(500).value() - 1,
       "less than half a second (RFC 1122 4.2.3.2)"},
      {"time_wait", config.time_wait.value(), tick, longest, "a tick to a day"},
      {"fin_timeout", config.fin_timeout.value(), tick, longest, "a tick to a day"},
      {"invalid_ratelimit", config.invalid_ratelimit.value(), 0, seconds(60).value(),
       "up to a minute"},
      {"challenge_ack_limit", config.challenge_ack_limit, 1, kMost32, "at least one a second"},
      {"max_sockets", config.max_sockets, 1, int64_t{1} << 24, "at least one"},
      {"backlog", config.backlog, 1, int64_t{1} << 24, "at least one"},
  }};
}

}  // namespace

std::string what_is_wrong(const TcpConfig& config) {
  for (const Limit& limit : limits_of(config)) {
    if (limit.value >= limit.least && limit.value <= limit.most) continue;
    return std::string(limit.field) + " is " + std::to_string(limit.value) + "; use " +
           std::to_string(limit.least) + " to " + std::to_string(limit.most) + ": " + limit.why;
  }
  return {};
}

}  // namespace ring3::net
