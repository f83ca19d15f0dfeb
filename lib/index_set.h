#pragma once

// A set of numbers below a limit that knows its members' neighbours: a tree of bitmaps in which a
// bit of each level says that a word of the level below is not empty. Every operation reads at most
// a word or two of each level; what was never used costs address space only.
//
// Single-threaded: whoever owns it locks it.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "lib/bits.h"
#include "lib/check.h"
#include "lib/reservation.h"
#include "lib/result.h"

namespace ring3 {

class IndexSet {
 public:
  static constexpr size_t kNone = SIZE_MAX;
  static constexpr size_t kMaxLimit = size_t{1} << 42;

  // An empty set of numbers below `limit`, 1 to kMaxLimit. kNoResource when the host refuses.
  static Result<IndexSet> create(size_t limit);

  size_t limit() const { return limit_; }
  // For each, index < limit().
  bool contains(size_t index) const;
  void insert(size_t index);
  void erase(size_t index);

  // The least member that is not less than `from`, and the greatest that is not greater; kNone when
  // there is none.
  size_t at_or_after(size_t from) const;
  size_t at_or_before(size_t from) const;
  // Calls visit(size_t) with each member, the least first.
  template <class Visit>
  void for_each(Visit visit) const {
    for (size_t at = at_or_after(0); at != kNone; at = at_or_after(at + 1)) visit(at);
  }

 private:
  static constexpr unsigned kLevels = 7;  // 64^7 is kMaxLimit
  static constexpr size_t kBits = 64;

  IndexSet(os::Reservation memory, size_t limit);

  static uint64_t bit_of(size_t index) { return uint64_t{1} << (index % kBits); }

  os::Reservation memory_;
  size_t limit_;
  unsigned levels_ = 0;
  std::array<uint64_t*, kLevels> level_{};  // from the members' own bits up to one word
};

inline bool IndexSet::contains(size_t index) const {
  DCHECK_LT(index, limit_);
  return (level_[0][index / kBits] & bit_of(index)) != 0;
}

inline void IndexSet::insert(size_t index) {
  DCHECK_LT(index, limit_);
  for (unsigned level = 0; level < levels_; ++level) {
    uint64_t& word = level_[level][index / kBits];
    const bool was_empty = word == 0;
    word |= bit_of(index);
    if (!was_empty) return;
    index /= kBits;
  }
}

inline void IndexSet::erase(size_t index) {
  DCHECK_LT(index, limit_);
  for (unsigned level = 0; level < levels_; ++level) {
    uint64_t& word = level_[level][index / kBits];
    word &= ~bit_of(index);
    if (word != 0) return;
    index /= kBits;
  }
}

// Up to the first level with a member beyond, and down to the least one below it.
inline size_t IndexSet::at_or_after(size_t from) const {
  size_t limit = limit_;
  for (unsigned level = 0; level < levels_ && from < limit; ++level) {
    uint64_t word = level_[level][from / kBits] & (~uint64_t{0} << (from % kBits));
    if (word != 0) {
      size_t found = align_down(from, kBits) + static_cast<size_t>(std::countr_zero(word));
      while (level-- > 0) {
        word = level_[level][found];
        found = found * kBits + static_cast<size_t>(std::countr_zero(word));
      }
      return found;
    }
    from = from / kBits + 1;
    limit = div_round_up(limit, kBits);
  }
  return kNone;
}

}  // namespace ring3
