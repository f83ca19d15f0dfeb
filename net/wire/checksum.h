#pragma once

// The Internet checksum (RFC 1071): the ones' complement of the ones' complement sum of 16-bit
// words.

#include <cstddef>
#include <cstdint>
#include <span>

namespace ring3::net {

// Adds up pieces; each but the last must have an even length.
class Checksum {
 public:
  Checksum& add(std::span<const std::byte> bytes);
  Checksum& add16(uint16_t word) {
    sum_ += word;
    return *this;
  }
  Checksum& add32(uint32_t words) {
    return add16(static_cast<uint16_t>(words >> 16)).add16(static_cast<uint16_t>(words));
  }

  // What goes into the checksum field, in host order. 0 over a packet whose field is right.
  uint16_t finish() const;

 private:
  uint64_t sum_ = 0;  // of at most 2^48 words: carries are folded at the end
};

}  // namespace ring3::net
