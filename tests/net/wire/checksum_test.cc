#include "net/wire/checksum.h"

#include <boost/test/unit_test.hpp>
#include <vector>

#include "lib/prng.h"

namespace ring3::net {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(net_checksum)

// RFC 1071 section 3: 0001 f203 f4f5 f6f7 add up to ddf2.
BOOST_AUTO_TEST_CASE(the_example_of_the_rfc) {
  const auto bytes = bytes_of({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7});
  BOOST_TEST(Checksum().add(bytes).finish() == static_cast<uint16_t>(~0xddf2));
}

BOOST_AUTO_TEST_CASE(an_odd_byte_counts_as_the_upper_half_of_a_word) {
  BOOST_TEST(Checksum().add(bytes_of({0x12})).finish() == static_cast<uint16_t>(~0x1200));
}

BOOST_AUTO_TEST_CASE(carries_wrap_around) {
  BOOST_TEST(Checksum().add16(0xffff).add16(0xffff).add16(1).finish() == static_cast<uint16_t>(~1));
}

BOOST_AUTO_TEST_CASE(pieces_add_up_to_the_whole_and_the_sum_over_all_is_zero) {
  Prng prng(1);
  for (size_t length = 2; length < 300; ++length) {
    std::vector<std::byte> bytes(length);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.next());
    const size_t cut = prng.below(length / 2) * 2;
    const std::span<const std::byte> all(bytes);
    const uint16_t sum = Checksum().add(all).finish();
    BOOST_TEST(Checksum().add(all.first(cut)).add(all.subspan(cut)).finish() == sum);
    if (length % 2 == 0) BOOST_TEST(Checksum().add(all).add16(sum).finish() == 0u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
