#pragma once

// TCP headers (RFC 9293 section 3.1): bytes to meaning and back. Of the options only the maximum
// segment size is understood; others are skipped.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "net/wire/ipv4.h"
#include "net/wire/seq.h"
#include "net/wire/wire_error.h"

namespace ring3::net {

inline constexpr size_t kTcpHeaderBytes = 20;
inline constexpr size_t kTcpMssOptionBytes = 4;

enum TcpFlags : uint8_t {
  kFin = 1 << 0,
  kSyn = 1 << 1,
  kRst = 1 << 2,
  kPsh = 1 << 3,
  kAck = 1 << 4,
};

// A segment without its data.
struct TcpRepr {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  TcpSeq seq;
  TcpSeq ack;
  uint8_t flags = 0;  // TcpFlags
  uint16_t window = 0;
  std::optional<uint16_t> mss;  // on a SYN

  bool has(TcpFlags flag) const { return (flags & flag) != 0; }
  size_t header_bytes() const { return kTcpHeaderBytes + (mss ? kTcpMssOptionBytes : 0); }
};

// How much of the sequence space a segment takes: its data, and one each for SYN and FIN.
constexpr uint32_t tcp_seq_length(uint8_t flags, size_t payload_bytes) {
  return static_cast<uint32_t>(payload_bytes) + ((flags & kSyn) != 0) + ((flags & kFin) != 0);
}

struct TcpSegment {
  TcpRepr repr;
  std::span<std::byte> payload;  // a view into what was parsed
};

// Reads a segment that came between these addresses. Any bytes may be given. On an error the
// segment is not meaningful.
WireError parse_tcp(Ipv4Address source, Ipv4Address destination, std::span<std::byte> bytes,
                    TcpSegment& segment);

// Writes the header in front of the payload: `segment` is repr.header_bytes() of room and then the
// payload, over which the checksum is taken too.
void emit_tcp(const TcpRepr& repr, Ipv4Address source, Ipv4Address destination,
              std::span<std::byte> segment);

}  // namespace ring3::net
