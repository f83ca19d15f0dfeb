#pragma once

// Seeded random numbers. Every run of the harness is replayed from one 64-bit seed, so nothing in
// ring3 takes randomness from anywhere else.

#include <array>
#include <bit>
#include <cstdint>

#include "lib/check.h"

namespace ring3 {

// One step of splitmix64 (Steele, Lea, Flood 2014): advances `state`, returns 64 mixed bits.
constexpr uint64_t splitmix64(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// xoshiro256** (Blackman, Vigna 2018). Not shared between threads: each takes its own stream.
class Prng {
 public:
  explicit constexpr Prng(uint64_t seed) {
    for (uint64_t& word : state_) word = splitmix64(seed);
  }

  // Stream number `stream` of `seed`: the same numbers for the same pair, unrelated ones for
  // neighbours.
  static constexpr Prng stream(uint64_t seed, uint64_t stream) {
    uint64_t mixed = stream;
    return Prng(seed ^ splitmix64(mixed));
  }

  constexpr uint64_t next() {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), bound > 0. Multiply-shift (Lemire): the bias is below bound / 2^64.
  constexpr uint64_t below(uint64_t bound) {
    DCHECK_GT(bound, 0u);
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  // Uniform in [low, high], both included.
  constexpr uint64_t between(uint64_t low, uint64_t high) { return low + below(high - low + 1); }
  // True with probability numerator / denominator.
  constexpr bool chance(uint64_t numerator, uint64_t denominator) {
    return below(denominator) < numerator;
  }

 private:
  std::array<uint64_t, 4> state_{};
};

}  // namespace ring3
