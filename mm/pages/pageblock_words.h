#pragma once

// A pageblock's frames as eight words, a bit a frame that is free, and what is asked of them. Its
// free blocks are the aligned runs of ones, in a word and of whole words. Pure.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "lib/check.h"
#include "mm/pages/aligned_runs.h"
#include "mm/pages/pageblock.h"

namespace ring3::mm {

inline constexpr Frame kWordFrames = Frame{1} << kWordOrder;
using PageblockWords = std::array<uint64_t, kPageblockFrames / kWordFrames>;

// That many, from bit 0 on.
constexpr uint64_t ones(unsigned count) {
  return count == kWordFrames ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

// Of a pageblock's words, a bit each that is all ones, and that is neither that nor 0.
struct WordKinds {
  explicit WordKinds(const PageblockWords& words) {
    for (size_t i = 0; i < words.size(); ++i) {
      full |= uint64_t{words[i] == ~uint64_t{0}} << i;
      partial |= uint64_t{words[i] != 0} << i;
    }
    partial &= ~full;
  }
  uint64_t full = 0;
  uint64_t partial = 0;
};

// Calls visit(order, frame) for each free block of `least` or more of a pageblock with `words`,
// smallest first, `frame` from the pageblock's start, until it returns false.
template <class Visit>
void for_each_block(const PageblockWords& words, Order least, Visit visit) {
  const WordKinds kinds(words);
  // In words that are partly free.
  PageblockWords starts;
  uint64_t left = least.value() < kWordOrder ? kinds.partial : 0;
  for (uint64_t bits = left; bits != 0; bits &= bits - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(bits));
    starts[i] = words[i];
    for (unsigned k = 0; k < least.value(); ++k) starts[i] = pair_up(starts[i], k);
  }
  for (unsigned k = least.value(); left != 0; ++k) {
    for (uint64_t bits = left; bits != 0; bits &= bits - 1) {
      const auto i = static_cast<size_t>(std::countr_zero(bits));
      const uint64_t larger = pair_up(starts[i], k);
      for (uint64_t exact = unpaired(starts[i], larger, k); exact != 0; exact &= exact - 1) {
        const auto bit = static_cast<Frame>(std::countr_zero(exact));
        if (!visit(Order(k), static_cast<Frame>(i) * kWordFrames + bit)) return;
      }
      starts[i] = larger;
      if (larger == 0) left &= ~(uint64_t{1} << i);
    }
  }
  // Larger ones are runs of whole words.
  uint64_t full = kinds.full;
  for (unsigned k = 0; full != 0; ++k) {
    const uint64_t larger = pair_up(full, k);
    const Order order(kWordOrder + k);
    for (uint64_t exact = order < least ? 0 : unpaired(full, larger, k); exact != 0;
         exact &= exact - 1) {
      if (!visit(order, static_cast<Frame>(std::countr_zero(exact)) * kWordFrames)) return;
    }
    full = larger;
  }
}

// Calls visit(word, mask) with the words of `count` frames from `frame` on, and their bits in them.
template <class Visit>
void for_each_word(PageblockWords& words, Frame frame, Frame count, Visit visit) {
  while (count != 0) {
    const Frame bit = frame % kWordFrames;
    const Frame here = std::min(count, kWordFrames - bit);
    visit(words[frame / kWordFrames], ones(here) << bit);
    frame += here;
    count -= here;
  }
}

// Frees the frames. False, with nothing done, when one of them is free already.
[[gnu::always_inline]] inline bool add_frames(PageblockWords& words, Frame frame, Frame count) {
  if (const Frame bit = frame % kWordFrames; bit + count <= kWordFrames) [[likely]] {
    uint64_t& word = words[frame / kWordFrames];
    const uint64_t mask = ones(count) << bit;
    if ((word & mask) != 0) return false;
    word |= mask;
    return true;
  }
  uint64_t free = 0;
  for_each_word(words, frame, count, [&](uint64_t word, uint64_t mask) { free |= word & mask; });
  if (free != 0) return false;
  for_each_word(words, frame, count, [](uint64_t& word, uint64_t mask) { word |= mask; });
  return true;
}

// Takes frames that are free.
inline void remove_frames(PageblockWords& words, Frame frame, Frame count) {
  for_each_word(words, frame, count, [](uint64_t& word, uint64_t mask) {
    DCHECK((word & mask) == mask);
    word &= ~mask;
  });
}

}  // namespace ring3::mm
