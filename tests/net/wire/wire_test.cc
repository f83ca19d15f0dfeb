// Byte order, IPv4 and TCP headers.

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <type_traits>
#include <vector>

#include "lib/prng.h"
#include "net/wire/byte_order.h"
#include "net/wire/ipv4.h"
#include "net/wire/tcp_segment.h"

namespace ring3::net {
namespace {

static_assert(!std::is_convertible_v<be16, uint16_t> && !std::is_convertible_v<uint16_t, be16>,
              "wire and host integers never mix unasked");

constexpr Ipv4Address kFrom{0xc0000201};
constexpr Ipv4Address kTo{0xc6336401};

// A segment with the MSS option and five bytes of data, in a datagram.
std::vector<std::byte> sample() {
  const TcpRepr repr{.source_port = 1234,
                     .destination_port = 80,
                     .seq = TcpSeq(0xfffffffe),
                     .ack = TcpSeq(7),
                     .flags = kSyn | kAck,
                     .window = 4321,
                     .mss = 1460};
  std::vector<std::byte> bytes(kIpv4HeaderBytes + repr.header_bytes() + 5, std::byte{'d'});
  const std::span<std::byte> all(bytes);
  emit_tcp(repr, kFrom, kTo, all.subspan(kIpv4HeaderBytes));
  emit_ipv4({.source = kFrom, .destination = kTo, .identification = 99}, repr.header_bytes() + 5,
            all);
  return bytes;
}

WireError parse(std::span<std::byte> bytes, TcpSegment& segment) {
  Ipv4Packet packet;
  const WireError error = parse_ipv4(bytes, packet);
  if (error != WireError::kNone) return error;
  return parse_tcp(packet.repr.source, packet.repr.destination, packet.payload, segment);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(net_wire)

BOOST_AUTO_TEST_CASE(integers_lie_in_network_order) {
  const be32 wire(0x01020304);
  const uint8_t expected[] = {1, 2, 3, 4};
  BOOST_TEST(std::memcmp(&wire, expected, 4) == 0);
  BOOST_TEST(wire.host() == 0x01020304u);
  BOOST_TEST(be16(0xabcd).host() == 0xabcdu);
}

BOOST_AUTO_TEST_CASE(what_is_emitted_reads_back) {
  auto bytes = sample();
  TcpSegment segment;
  BOOST_REQUIRE((parse(bytes, segment) == WireError::kNone));
  BOOST_TEST(segment.repr.source_port == 1234u);
  BOOST_TEST(segment.repr.destination_port == 80u);
  BOOST_TEST(segment.repr.seq.value() == 0xfffffffeu);
  BOOST_TEST(segment.repr.ack.value() == 7u);
  BOOST_TEST(segment.repr.flags == (kSyn | kAck));
  BOOST_TEST(segment.repr.window == 4321u);
  BOOST_TEST(segment.repr.mss.value() == 1460u);
  BOOST_TEST(segment.payload.size() == 5u);
}

BOOST_AUTO_TEST_CASE(every_shorter_packet_is_an_error) {
  const auto whole = sample();
  for (size_t length = 0; length < whole.size(); ++length) {
    std::vector<std::byte> bytes(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(length));
    TcpSegment segment;
    BOOST_CHECK(parse(bytes, segment) == WireError::kTooShort);
  }
}

BOOST_AUTO_TEST_CASE(padding_behind_a_packet_is_left_out) {
  auto bytes = sample();
  bytes.resize(bytes.size() + 10);
  TcpSegment segment;
  BOOST_REQUIRE((parse(bytes, segment) == WireError::kNone));
  BOOST_TEST(segment.payload.size() == 5u);
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_is_an_error) {
  auto bytes = sample();
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    TcpSegment segment;
    BOOST_CHECK(parse(bytes, segment) != WireError::kNone);
    bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
  }
}

BOOST_AUTO_TEST_CASE(options_that_are_cut_off_are_an_error) {
  // Kind 3 with a length of 0, of 1, and past the end; the checksum is right each time.
  for (const int length : {0, 1, 9}) {
    TcpRepr repr{.source_port = 1,
                 .destination_port = 2,
                 .seq = {},
                 .ack = {},
                 .flags = kSyn,
                 .window = 0,
                 .mss = 1460};
    std::vector<std::byte> bytes(repr.header_bytes());
    emit_tcp(repr, kFrom, kTo, bytes);
    bytes[20] = std::byte{3};
    bytes[21] = static_cast<std::byte>(length);
    // Make the checksum fit the change: incrementally, over both words (RFC 1624).
    uint32_t sum = static_cast<uint16_t>(
        ~(std::to_integer<unsigned>(bytes[16]) << 8 | std::to_integer<unsigned>(bytes[17])));
    sum += static_cast<uint16_t>(~(2u << 8 | 4u));
    sum += 3u << 8 | static_cast<unsigned>(length);
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    sum = ~sum;
    bytes[16] = static_cast<std::byte>(sum >> 8);
    bytes[17] = static_cast<std::byte>(sum);
    TcpSegment segment;
    BOOST_CHECK(parse_tcp(kFrom, kTo, bytes, segment) == WireError::kBadOption);
  }
}

BOOST_AUTO_TEST_CASE(sequence_numbers_compare_round_the_circle) {
  const TcpSeq near_end(0xfffffff0);
  BOOST_TEST(near_end.before(near_end + 0x20));
  BOOST_TEST((near_end + 0x20).after(near_end));
  BOOST_TEST(distance(near_end, near_end + 0x20) == 0x20u);
  BOOST_TEST(near_end.at_or_before(near_end));
  BOOST_TEST(!near_end.before(near_end));
  BOOST_CHECK(later(near_end, near_end + 1) == near_end + 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
