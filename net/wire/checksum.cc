#include "net/wire/checksum.h"

namespace ring3::net {

Checksum& Checksum::add(std::span<const std::byte> bytes) {
  const auto at = [bytes](size_t i) { return std::to_integer<uint64_t>(bytes[i]); };
  size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) sum_ += at(i) << 8 | at(i + 1);
  // An odd byte counts as if a zero followed it.
  if (i < bytes.size()) sum_ += at(i) << 8;
  return *this;
}

uint16_t Checksum::finish() const {
  uint64_t sum = sum_;
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

}  // namespace ring3::net
