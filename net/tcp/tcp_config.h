#pragma once

// What a host's TCP can be told. The defaults are Linux's, where not said otherwise.

#include <cstddef>
#include <cstdint>
#include <string>

#include "lib/units.h"

namespace ring3::net {

// A smaller maximum segment size would make a header for every few bytes; a larger one would not
// fit a packet of 1500 bytes with its headers.
inline constexpr uint16_t kSmallestMss = 88;
inline constexpr uint16_t kLargestMss = 1460;
// What a peer says is kept to, but not below this: else it could have us make a packet for every
// byte (tcp_min_snd_mss; CVE-2019-11479).
inline constexpr uint16_t kSmallestPeerMss = 48;

// Stack::create() checks every field.
struct TcpConfig {
  uint16_t mss = kLargestMss;             // largest payload we accept
  size_t send_buffer_bytes = 65536;       // of a socket: sent and not acknowledged, and not sent
  uint32_t receive_buffer_bytes = 65535;  // of a socket; the window, since nothing scales it

  // RFC 6298. Linux' minimum; the RFC asks for a second.
  Nanos rto_initial = seconds(1);
  Nanos rto_min = milliseconds(200);
  Nanos rto_max = seconds(120);

  // Timeouts of one segment before the connection is given up: tcp_syn_retries, tcp_retries2.
  unsigned syn_retries = 6;
  unsigned data_retries = 15;

  Nanos delayed_ack = milliseconds(40);  // RFC 1122 4.2.3.2 asks for less than half a second
  Nanos time_wait = seconds(60);         // TCP_TIMEWAIT_LEN; RFC 9293: 2 * MSL, 4 minutes
  Nanos fin_timeout = seconds(60);       // tcp_fin_timeout: a closed socket waiting for a FIN
  // Answers to unacceptable segments: of a socket one in this time, of a stack so many a second
  // (tcp_invalid_ratelimit, tcp_challenge_ack_limit; RFC 5961 section 7).
  Nanos invalid_ratelimit = milliseconds(500);
  unsigned challenge_ack_limit = 1000;
  bool nodelay = false;  // switches the Nagle algorithm off (RFC 1122 4.2.3.4)

  // Of a stack. Where it is reached, the oldest connection in TIME-WAIT makes room for a new one.
  unsigned max_sockets = 4096;
  // Of a listener: connections that nobody has accepted, and as many that are not established yet,
  // of which the oldest makes room for a new one (RFC 4987 section 3.4).
  unsigned backlog = 128;
  // Secret of the initial sequence numbers (RFC 6528) and of where the ports of connections start
  // (RFC 6056). The same key and calls give the same numbers.
  uint64_t isn_key = 0;
};

// The first field of `config` that is outside its limits, the limits, and why; empty when none is.
std::string what_is_wrong(const TcpConfig& config);

}  // namespace ring3::net
