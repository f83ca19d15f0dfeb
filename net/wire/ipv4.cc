#include "net/wire/ipv4.h"

#include <cstring>

#include "lib/check.h"
#include "net/wire/byte_order.h"
#include "net/wire/checksum.h"

namespace ring3::net {
namespace {

struct Header {
  uint8_t version_and_length;  // 4 bits each; the length in words of 4 bytes
  uint8_t type_of_service;
  be16 total_length;
  be16 identification;
  be16 flags_and_offset;
  uint8_t time_to_live;
  uint8_t protocol;
  be16 checksum;
  be32 source;
  be32 destination;
};
static_assert(sizeof(Header) == kIpv4HeaderBytes, "the header of RFC 791 without options");

constexpr uint16_t kDontFragment = 0x4000;
constexpr uint16_t kMoreFragments = 0x2000;
constexpr uint16_t kOffsetMask = 0x1fff;

}  // namespace

std::string to_string(Ipv4Address address) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    text += std::to_string(address.value >> shift & 0xff);
    if (shift != 0) text += '.';
  }
  return text;
}

WireError parse_ipv4(std::span<std::byte> bytes, Ipv4Packet& packet) {
  Header header;
  if (bytes.size() < sizeof header) return WireError::kTooShort;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.version_and_length >> 4 != 4) return WireError::kBadVersion;
  const size_t header_bytes = (header.version_and_length & 0xfu) * 4;
  const size_t total_bytes = header.total_length.host();
  if (header_bytes < sizeof header || header_bytes > total_bytes) return WireError::kBadOffset;
  if (total_bytes > bytes.size()) return WireError::kTooShort;
  if (Checksum().add(bytes.first(header_bytes)).finish() != 0) return WireError::kBadChecksum;
  if ((header.flags_and_offset.host() & (kMoreFragments | kOffsetMask)) != 0) {
    return WireError::kFragment;
  }
  if (header.protocol != kProtocolTcp) return WireError::kNotTcp;
  packet.repr = {.source = {header.source.host()},
                 .destination = {header.destination.host()},
                 .identification = header.identification.host(),
                 .time_to_live = header.time_to_live};
  packet.payload = bytes.subspan(header_bytes, total_bytes - header_bytes);
  return WireError::kNone;
}

void emit_ipv4(const Ipv4Repr& repr, size_t payload_bytes, std::span<std::byte> out) {
  CHECK_GE(out.size(), kIpv4HeaderBytes);
  CHECK_LE(kIpv4HeaderBytes + payload_bytes, 0xffffu);
  Header header{};
  header.version_and_length = 0x45;
  header.total_length = be16(static_cast<uint16_t>(kIpv4HeaderBytes + payload_bytes));
  header.identification = be16(repr.identification);
  header.flags_and_offset = be16(kDontFragment);
  header.time_to_live = repr.time_to_live;
  header.protocol = kProtocolTcp;
  header.source = be32(repr.source.value);
  header.destination = be32(repr.destination.value);
  std::memcpy(out.data(), &header, sizeof header);
  header.checksum = be16(Checksum().add(out.first(sizeof header)).finish());
  std::memcpy(out.data(), &header, sizeof header);
}

}  // namespace ring3::net
