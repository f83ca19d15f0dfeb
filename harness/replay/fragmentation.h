#pragma once

// External fragmentation: how much of free memory could serve a block of each order. Pure.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "harness/replay/replay_plan.h"
#include "mm/mm.h"

namespace ring3::harness {

// A set of page frames: a bit each.
class PageSet {
 public:
  // Of frames from `start` to below `end`.
  PageSet(mm::Pfn start, mm::Pfn end);

  void add_block(mm::Pfn pfn, mm::Order order) { set_block(pfn, order, true); }
  void remove_block(mm::Pfn pfn, mm::Order order) { set_block(pfn, order, false); }
  // Of the same range.
  void add_all(const PageSet& other);

  uint64_t count() const;

  // The blocks of each order, as large as can be, of the frames of `memory`, or of all in range,
  // that are not in the set.
  std::array<uint64_t, mm::kOrders> blocks_outside() const;
  std::array<uint64_t, mm::kOrders> blocks_outside(const PageSet& memory) const;

 private:
  void set_block(mm::Pfn pfn, mm::Order order, bool value);

  uint64_t first_word_;  // begins at frame first_word_ * 64
  std::vector<uint64_t> words_;
};

// The unusable free space index (mm::unusable_free_index) of each order, in thousandths.
using UnusableIndex = std::array<uint64_t, mm::kOrders>;
UnusableIndex unusable_index(const std::array<uint64_t, mm::kOrders>& free_blocks);

// How many moments of a replay are looked at.
inline constexpr size_t kReplaySamples = 96;

// The traced kernel's own memory, as far as its page events show it.
struct TracedMemory {
  // The frames that were in use at some moment, as a share of those from the lowest to the highest
  // of them. What the trace does not show may have been in use or free.
  double coverage = 0;
  // The index at kReplaySamples moments, of the frames that it shows; empty where these are less
  // than kLeastCoverage, and so say nothing of the machine.
  std::vector<UnusableIndex> unusable{};
};
inline constexpr double kLeastCoverage = 0.5;

// Of a plan of page events. Frames that span more than 64 GiB cover nothing.
TracedMemory traced_memory(const ReplayPlan& plan);

// Part number `index` of `count` things cut into `parts` parts.
struct Part {
  size_t begin;
  size_t end;
};
constexpr Part part_of(size_t count, size_t index, size_t parts) {
  return {count * index / parts, count * (index + 1) / parts};
}

}  // namespace ring3::harness
