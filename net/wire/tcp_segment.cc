#include "net/wire/tcp_segment.h"

#include <cstring>

#include "lib/check.h"
#include "net/wire/byte_order.h"
#include "net/wire/checksum.h"

namespace ring3::net {
namespace {

struct Header {
  be16 source_port;
  be16 destination_port;
  be32 seq;
  be32 ack;
  uint8_t data_offset;  // in the upper 4 bits, in words of 4 bytes
  uint8_t flags;
  be16 window;
  be16 checksum;
  be16 urgent_pointer;
};
static_assert(sizeof(Header) == kTcpHeaderBytes, "the header of RFC 9293 without options");

constexpr uint8_t kKnownFlags = kFin | kSyn | kRst | kPsh | kAck;

enum OptionKind : uint8_t { kEndOfOptions = 0, kNoOperation = 1, kMaximumSegmentSize = 2 };

uint16_t segment_checksum(Ipv4Address source, Ipv4Address destination,
                          std::span<const std::byte> segment) {
  return Checksum()
      .add32(source.value)
      .add32(destination.value)
      .add16(kProtocolTcp)
      .add16(static_cast<uint16_t>(segment.size()))
      .add(segment)
      .finish();
}

WireError parse_options(std::span<const std::byte> options, TcpRepr& repr) {
  while (!options.empty()) {
    const auto kind = std::to_integer<uint8_t>(options[0]);
    if (kind == kEndOfOptions) break;
    if (kind == kNoOperation) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2) return WireError::kBadOption;
    const auto length = std::to_integer<size_t>(options[1]);
    if (length < 2 || length > options.size()) return WireError::kBadOption;
    if (kind == kMaximumSegmentSize && length == kTcpMssOptionBytes) {
      repr.mss = static_cast<uint16_t>(std::to_integer<unsigned>(options[2]) << 8 |
                                       std::to_integer<unsigned>(options[3]));
    }
    options = options.subspan(length);
  }
  return WireError::kNone;
}

}  // namespace

WireError parse_tcp(Ipv4Address source, Ipv4Address destination, std::span<std::byte> bytes,
                    TcpSegment& segment) {
  Header header;
  if (bytes.size() < sizeof header) return WireError::kTooShort;
  std::memcpy(&header, bytes.data(), sizeof header);
  const size_t header_bytes = (header.data_offset >> 4) * 4u;
  if (header_bytes < sizeof header || header_bytes > bytes.size()) return WireError::kBadOffset;
  if (segment_checksum(source, destination, bytes) != 0) return WireError::kBadChecksum;
  segment.repr = {.source_port = header.source_port.host(),
                  .destination_port = header.destination_port.host(),
                  .seq = TcpSeq(header.seq.host()),
                  .ack = TcpSeq(header.ack.host()),
                  .flags = static_cast<uint8_t>(header.flags & kKnownFlags),
                  .window = header.window.host(),
                  .mss = std::nullopt};
  segment.payload = bytes.subspan(header_bytes);
  return parse_options(bytes.subspan(sizeof header, header_bytes - sizeof header), segment.repr);
}

void emit_tcp(const TcpRepr& repr, Ipv4Address source, Ipv4Address destination,
              std::span<std::byte> segment) {
  const size_t header_bytes = repr.header_bytes();
  CHECK_GE(segment.size(), header_bytes);
  CHECK_LE(segment.size(), 0xffffu);
  Header header{};
  header.source_port = be16(repr.source_port);
  header.destination_port = be16(repr.destination_port);
  header.seq = be32(repr.seq.value());
  header.ack = be32(repr.ack.value());
  header.data_offset = static_cast<uint8_t>(header_bytes / 4 << 4);
  header.flags = repr.flags;
  header.window = be16(repr.window);
  std::memcpy(segment.data(), &header, sizeof header);
  if (repr.mss) {
    const std::byte option[] = {std::byte{kMaximumSegmentSize}, std::byte{kTcpMssOptionBytes},
                                static_cast<std::byte>(*repr.mss >> 8),
                                static_cast<std::byte>(*repr.mss & 0xff)};
    std::memcpy(segment.data() + sizeof header, option, sizeof option);
  }
  header.checksum = be16(segment_checksum(source, destination, segment));
  std::memcpy(segment.data(), &header, sizeof header);
}

}  // namespace ring3::net
