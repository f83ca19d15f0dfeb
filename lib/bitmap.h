#pragma once

// A view of an array of 64-bit words as bits. It owns nothing and locks nothing: whoever owns the
// words says who may touch them.

#include <bit>
#include <cstddef>
#include <cstdint>

#include "lib/bits.h"
#include "lib/check.h"

namespace ring3 {

class BitmapView {
 public:
  static constexpr size_t kBitsPerWord = 64;
  static constexpr size_t words_for(size_t bits) { return div_round_up(bits, kBitsPerWord); }

  // `words` points to words_for(bits) words that outlive the view. Bits past `bits` in the last
  // word are neither read as results nor changed.
  constexpr BitmapView(uint64_t* words, size_t bits) : words_(words), bits_(bits) {}

  size_t size() const { return bits_; }

  bool test(size_t bit) const {
    DCHECK_LT(bit, bits_);
    return (words_[bit / kBitsPerWord] >> (bit % kBitsPerWord)) & 1;
  }
  void set(size_t bit) {
    DCHECK_LT(bit, bits_);
    words_[bit / kBitsPerWord] |= uint64_t{1} << (bit % kBitsPerWord);
  }
  void clear(size_t bit) {
    DCHECK_LT(bit, bits_);
    words_[bit / kBitsPerWord] &= ~(uint64_t{1} << (bit % kBitsPerWord));
  }
  void clear_all() {
    for (size_t i = 0; i < words_for(bits_); ++i) words_[i] = 0;
  }

  // The lowest clear bit at or after `from`, or size() when there is none.
  size_t find_next_clear(size_t from) const {
    return find_next(from, [](uint64_t word) { return ~word; });
  }
  // The lowest set bit at or after `from`, or size() when there is none.
  size_t find_next_set(size_t from) const {
    return find_next(from, [](uint64_t word) { return word; });
  }

  size_t count() const {
    size_t total = 0;
    for (size_t bit = find_next_set(0); bit < bits_; bit = find_next_set(bit + 1)) ++total;
    return total;
  }

 private:
  template <class View>
  size_t find_next(size_t from, View view) const {
    if (from >= bits_) return bits_;
    size_t i = from / kBitsPerWord;
    uint64_t word = view(words_[i]) & (~uint64_t{0} << (from % kBitsPerWord));
    for (;;) {
      if (word != 0) {
        const size_t bit = i * kBitsPerWord + static_cast<size_t>(std::countr_zero(word));
        return bit < bits_ ? bit : bits_;
      }
      if (++i == words_for(bits_)) return bits_;
      word = view(words_[i]);
    }
  }

  uint64_t* words_;
  size_t bits_;
};

}  // namespace ring3
