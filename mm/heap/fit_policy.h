#pragma once

// Which free block serves a request: a policy is a function over the free list. What it looks at is
// counted, so that the table can say what it costs.
//
// Knuth, The Art of Computer Programming 1, 2.5; Wilson et al., Dynamic Storage Allocation: A
// Survey and Critical Review, 1995.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mm/heap/blocks.h"

namespace ring3::mm {

// One search of the free list, in address order.
class FitSearch {
 public:
  // `left_off` is where the last block that was given ends; null: none was.
  FitSearch(Blocks& blocks, size_t bytes, const std::byte* left_off)
      : blocks_(blocks), bytes_(bytes), left_off_(left_off) {}

  Block* first() { return count(blocks_.first_free()); }
  Block* next(const Block* block) { return count(blocks_.next_free(block)); }
  // The first at or above where the last search left off.
  Block* first_from_left_off() { return count(blocks_.first_free_from(left_off_)); }
  bool is_below_left_off(const Block* block) const {
    return reinterpret_cast<const std::byte*>(block) < left_off_;
  }

  // The bytes of data that are looked for, and whether a block has them.
  size_t bytes() const { return bytes_; }
  bool fits(const Block* block) const { return block->size >= bytes_; }

  // The blocks that were looked at.
  uint64_t visited() const { return visited_; }

 private:
  Block* count(Block* block) {
    if (block != nullptr) ++visited_;
    return block;
  }

  Blocks& blocks_;
  const size_t bytes_;
  const std::byte* const left_off_;
  uint64_t visited_ = 0;
};

struct FitPolicy {
  std::string_view name;
  Block* (*find)(FitSearch& search);  // null when none fits
};

inline constexpr size_t kFitPolicies = 4;
// First, next, best and worst fit.
extern const std::array<FitPolicy, kFitPolicies> kAllFitPolicies;
// The one of that name, or null.
const FitPolicy* fit_policy_named(std::string_view name);

}  // namespace ring3::mm
