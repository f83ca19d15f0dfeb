#pragma once

// Integers in network byte order, as they lie in a packet: no alignment, no implicit conversion to
// or from what the host computes with.

#include <array>
#include <bit>
#include <cstdint>

namespace ring3::net {

template <class Host>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  constexpr explicit BigEndian(Host value) {
    for (size_t i = 0; i < sizeof(Host); ++i) {
      bytes_[i] = static_cast<uint8_t>(value >> (8 * (sizeof(Host) - 1 - i)));
    }
  }
  constexpr Host host() const {
    Host value = 0;
    for (const uint8_t byte : bytes_) value = static_cast<Host>(value << 8 | byte);
    return value;
  }
  constexpr bool operator==(const BigEndian&) const = default;

 private:
  std::array<uint8_t, sizeof(Host)> bytes_{};
};

using be16 = BigEndian<uint16_t>;
using be32 = BigEndian<uint32_t>;
static_assert(sizeof(be16) == 2 && alignof(be16) == 1, "a field of a packet, wherever it starts");
static_assert(sizeof(be32) == 4 && alignof(be32) == 1, "a field of a packet, wherever it starts");

}  // namespace ring3::net
