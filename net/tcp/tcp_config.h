#pragma once

// What a host's TCP can be told. The defaults are Linux's, where not said otherwise.

#include <cstddef>
#include <cstdint>

#include "lib/units.h"

namespace ring3::net {

// A smaller maximum segment size, ours or the peer's, would make a header for every few bytes; a
// larger one would not fit a packet of 1500 bytes with its headers.
inline constexpr uint16_t kSmallestMss = 88;
inline constexpr uint16_t kLargestMss = 1460;

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
  bool nodelay = false;                  // switches the Nagle algorithm off (RFC 1122 4.2.3.4)

  unsigned max_sockets = 4096;  // of a stack
  unsigned backlog = 128;       // connections of a listener that nobody has accepted
  // Secret of the initial sequence numbers (RFC 6528).
  uint64_t isn_key = 0;
};

}  // namespace ring3::net
