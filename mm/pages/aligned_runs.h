#pragma once

// Aligned runs of ones in a word: a bit a frame that is free, and the free blocks are its aligned
// runs of 2^k ones.

#include <array>
#include <cstdint>

#include "lib/check.h"

namespace ring3::mm {

inline constexpr unsigned kWordOrder = 6;  // log2 of the bits of a word

// Bits at the starts of the aligned runs of 2^(k+1) ones, given those at the starts of the runs of
// 2^k: two of these stand side by side, the first at a multiple of the sum. k < kWordOrder.
constexpr uint64_t pair_up(uint64_t starts, unsigned k) {
  constexpr std::array<uint64_t, kWordOrder> kEven = {0x5555'5555'5555'5555, 0x1111'1111'1111'1111,
                                                      0x0101'0101'0101'0101, 0x0001'0001'0001'0001,
                                                      0x0000'0001'0000'0001, 0x0000'0000'0000'0001};
  DCHECK_LT(k, kWordOrder);
  return starts & starts >> (1u << k) & kEven[k];
}

// Of `starts` of runs of 2^k ones, those that are not half of a run of twice the size, whose starts
// are `larger`.
constexpr uint64_t unpaired(uint64_t starts, uint64_t larger, unsigned k) {
  return starts & ~(larger | larger << (1u << k));
}

// log2 of the longest aligned run in `word`, which is not 0.
constexpr unsigned longest_run(uint64_t word) {
  unsigned k = 0;
  while (k < kWordOrder) {
    const uint64_t larger = pair_up(word, k);
    if (larger == 0) break;
    word = larger;
    ++k;
  }
  return k;
}

}  // namespace ring3::mm
