#pragma once

// Sequence numbers: points on a circle of 2^32 (RFC 9293 section 3.4). Two are compared by the
// shorter way round, which is right as long as they are less than 2^31 apart.

#include <cstdint>

namespace ring3::net {

class TcpSeq {
 public:
  constexpr TcpSeq() = default;
  constexpr explicit TcpSeq(uint32_t value) : value_(value) {}

  constexpr uint32_t value() const { return value_; }
  constexpr bool operator==(const TcpSeq&) const = default;

  // The kernel's before() and after().
  constexpr bool before(TcpSeq other) const {
    return static_cast<int32_t>(value_ - other.value_) < 0;
  }
  constexpr bool after(TcpSeq other) const { return other.before(*this); }
  constexpr bool at_or_before(TcpSeq other) const { return !after(other); }
  constexpr bool at_or_after(TcpSeq other) const { return !before(other); }

  friend constexpr TcpSeq operator+(TcpSeq seq, uint32_t n) { return TcpSeq(seq.value_ + n); }
  friend constexpr TcpSeq operator-(TcpSeq seq, uint32_t n) { return TcpSeq(seq.value_ - n); }
  // How far `to` lies behind `from`, on the way up.
  friend constexpr uint32_t distance(TcpSeq from, TcpSeq to) { return to.value_ - from.value_; }

 private:
  uint32_t value_ = 0;
};

constexpr TcpSeq later(TcpSeq a, TcpSeq b) { return a.after(b) ? a : b; }

}  // namespace ring3::net
