#pragma once

// Which memory there is, and which of it is taken, before there is an allocator: two lists of
// ranges that the boot code keeps (the kernel's memblock, mm/memblock.c). What is memory and not
// taken is handed over to the zones when the allocator is made. For one thread.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mm/pages/page_units.h"

namespace ring3::mm {

// Addresses [start, end), in bytes from the start of the arena.
struct MemRange {
  uint64_t start = 0;
  uint64_t end = 0;

  uint64_t size() const { return end - start; }
  bool operator==(const MemRange&) const = default;
};

// Ranges by address, none of which touch.
class MemRanges {
 public:
  void add(MemRange range);
  void remove(MemRange range);

  std::span<const MemRange> ranges() const { return ranges_; }
  uint64_t size() const;
  bool contains(uint64_t address) const;

 private:
  // The first that ends at or behind `address`.
  std::vector<MemRange>::iterator ending_at_or_after(uint64_t address);

  std::vector<MemRange> ranges_;
};

class Memblock {
 public:
  // Memory is there, or is not after all. An empty range is nothing.
  void add(MemRange range) { memory_.add(range); }
  void remove(MemRange range) { memory_.remove(range); }
  // A range is taken, whether memory is there or not, or is no longer.
  void reserve(MemRange range) { reserved_.add(range); }
  void release(MemRange range) { reserved_.remove(range); }

  // Takes `size` bytes at a multiple of `align`, a power of two, within `limits`: the highest that
  // there are, or the lowest with bottom_up. Nothing when there are none, or for a size of 0.
  std::optional<uint64_t> alloc(uint64_t size, uint64_t align = 64,
                                MemRange limits = {0, UINT64_MAX});
  void set_bottom_up(bool bottom_up) { bottom_up_ = bottom_up; }

  const MemRanges& memory() const { return memory_; }
  const MemRanges& reserved() const { return reserved_; }
  // Memory that is not taken, by address (for_each_free_mem_range).
  std::vector<MemRange> free_ranges() const;
  // The same, and all memory, in whole pages.
  std::vector<PfnRange> free_frames() const;
  std::vector<PfnRange> memory_frames() const;

 private:
  MemRanges memory_;
  MemRanges reserved_;
  bool bottom_up_ = false;
};

// How many frames of `ranges` lie in `within`.
PageCount frames_within(std::span<const PfnRange> ranges, PfnRange within);

// The text of debugfs' memblock/memory and memblock/reserved (Linux 6.12): number, first and last
// address, node, flags.
std::string memblock_text(const MemRanges& ranges);

}  // namespace ring3::mm
