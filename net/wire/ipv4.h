#pragma once

// IPv4 headers (RFC 791): bytes to meaning and back.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "net/wire/wire_error.h"

namespace ring3::net {

// An address, in host order: 10.0.0.1 is 0x0a000001.
struct Ipv4Address {
  uint32_t value = 0;
  constexpr auto operator<=>(const Ipv4Address&) const = default;
};

// "10.0.0.1".
std::string to_string(Ipv4Address address);

constexpr bool in_network(Ipv4Address address, uint32_t network, unsigned bits) {
  return address.value >> (32 - bits) == network >> (32 - bits);
}
constexpr bool is_loopback(Ipv4Address address) { return in_network(address, 0x7f000000, 8); }
// Neither nobody nor many (RFC 1122 3.2.1.3): class D is multicast, class E reserved, the last
// address of it broadcast.
constexpr bool is_unicast(Ipv4Address address) {
  return address != Ipv4Address{} && !in_network(address, 0xe0000000, 3);
}

inline constexpr size_t kIpv4HeaderBytes = 20;  // without options, which we neither send nor need
inline constexpr uint8_t kProtocolTcp = 6;

struct Ipv4Repr {
  Ipv4Address source;
  Ipv4Address destination;
  uint16_t identification = 0;
  uint8_t time_to_live = 64;
};

struct Ipv4Packet {
  Ipv4Repr repr;
  std::span<std::byte> payload;  // a TCP segment; a view into what was parsed
};

// Reads the datagram at the start of `bytes`; what lies behind its total length is padding. Any
// bytes may be given. On an error the packet is not meaningful.
WireError parse_ipv4(std::span<std::byte> bytes, Ipv4Packet& packet);

// Writes a header without options for a TCP payload of `payload_bytes` into `out`, which has
// kIpv4HeaderBytes.
void emit_ipv4(const Ipv4Repr& repr, size_t payload_bytes, std::span<std::byte> out);

}  // namespace ring3::net
