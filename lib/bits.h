#pragma once

// Powers of two: the arithmetic that page and slab sizes are made of.

#include <bit>
#include <concepts>
#include <cstdint>

namespace ring3 {

template <std::unsigned_integral T>
constexpr bool is_power_of_two(T x) {
  return std::has_single_bit(x);
}

// The floor of log2(x); x must not be 0.
template <std::unsigned_integral T>
constexpr unsigned ilog2(T x) {
  return static_cast<unsigned>(std::bit_width(x)) - 1;
}

// The 1-based index of the highest set bit, 0 for 0: the kernel's fls().
template <std::unsigned_integral T>
constexpr unsigned fls(T x) {
  return static_cast<unsigned>(std::bit_width(x));
}

// x rounded up (down) to a multiple of `alignment`, a power of two. align_up wraps where the
// result does not fit T.
template <std::unsigned_integral T>
constexpr T align_up(T x, T alignment) {
  return (x + alignment - 1) & ~(alignment - 1);
}
template <std::unsigned_integral T>
constexpr T align_down(T x, T alignment) {
  return x & ~(alignment - 1);
}
template <std::unsigned_integral T>
constexpr bool is_aligned(T x, T alignment) {
  return (x & (alignment - 1)) == 0;
}

template <std::unsigned_integral T>
constexpr T div_round_up(T x, T divisor) {
  return x / divisor + (x % divisor != 0);
}

}  // namespace ring3
