#pragma once

// A set of numbers below a limit that knows its members' neighbours: a tree of bitmaps in which a
// bit of each level says that a word of the level below is not empty. Every operation reads at most
// a word or two of each level; what was never used costs address space only.
//
// Single-threaded: whoever owns it locks it.

#include <array>
#include <cstddef>
#include <cstdint>

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

 private:
  static constexpr unsigned kLevels = 7;  // 64^7 is kMaxLimit
  static constexpr size_t kBits = 64;

  IndexSet(os::Reservation memory, size_t limit);

  os::Reservation memory_;
  size_t limit_;
  unsigned levels_ = 0;
  std::array<uint64_t*, kLevels> level_{};  // from the members' own bits up to one word
};

}  // namespace ring3
