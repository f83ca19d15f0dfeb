#pragma once

// External fragmentation over time: which pages were in use at some moments, and how much of the
// rest could still have served a block of each order. Pure.
//
// Only pages that were in use at one of the moments count as memory, so that a large arena with
// much of it never touched does not look better than a kernel's that was full.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/replay/replay_plan.h"
#include "mm/mm.h"

namespace ring3::harness {

// A set of page frames: a bit each, in words from frame `first_word` * 64 on.
class PageSet {
 public:
  // Of frames from `start` to below `end`.
  PageSet(mm::Pfn start, mm::Pfn end);

  void add_block(mm::Pfn pfn, mm::Order order) { set_block(pfn, order, true); }
  void remove_block(mm::Pfn pfn, mm::Order order) { set_block(pfn, order, false); }

  uint64_t first_word() const { return first_word_; }
  std::span<const uint64_t> words() const { return words_; }

 private:
  void set_block(mm::Pfn pfn, mm::Order order, bool value);

  uint64_t first_word_;
  std::vector<uint64_t> words_;
};

// How many moments of a replay are looked at.
inline constexpr size_t kReplaySamples = 32;

// The unusable free space index (mm::unusable_free_index) of each order, in thousandths.
using UnusableIndex = std::array<uint64_t, mm::kOrders>;

// One for each of `in_use`, sets of one range.
std::vector<UnusableIndex> unusable_over_time(std::span<const PageSet> in_use);

// The pages that the traced kernel itself had in use at kReplaySamples moments of `plan`, a plan
// of page events. Empty when its frames span too much to be held (64 GiB).
std::vector<PageSet> traced_pages(const ReplayPlan& plan);

// The pages of `pages` that are allocated now.
PageSet allocated_pages(const mm::PageAllocator& pages);

// Part number `index` of `count` things cut into `parts` parts.
struct Part {
  size_t begin;
  size_t end;
};
constexpr Part part_of(size_t count, size_t index, size_t parts) {
  return {count * index / parts, count * (index + 1) / parts};
}

}  // namespace ring3::harness
