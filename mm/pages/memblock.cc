#include "mm/pages/memblock.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "lib/bits.h"
#include "lib/check.h"

namespace ring3::mm {
namespace {

std::vector<PfnRange> whole_pages(std::span<const MemRange> ranges) {
  std::vector<PfnRange> frames;
  for (const MemRange& range : ranges) {
    const Pfn start(div_round_up(range.start, kPageSize));
    const Pfn end(range.end / kPageSize);
    if (start < end) frames.push_back({start, end});
  }
  return frames;
}

}  // namespace

std::vector<MemRange>::iterator MemRanges::ending_at_or_after(uint64_t address) {
  return std::ranges::lower_bound(ranges_, address, {}, &MemRange::end);
}

void MemRanges::add(MemRange range) {
  DCHECK_LE(range.start, range.end);
  if (range.size() == 0) return;
  const auto first = ending_at_or_after(range.start);
  auto end = first;
  for (; end != ranges_.end() && end->start <= range.end; ++end) {
    range.start = std::min(range.start, end->start);
    range.end = std::max(range.end, end->end);
  }
  ranges_.insert(ranges_.erase(first, end), range);
}

void MemRanges::remove(MemRange range) {
  DCHECK_LE(range.start, range.end);
  if (range.size() == 0) return;
  const auto first = ending_at_or_after(range.start + 1);
  std::vector<MemRange> left;
  auto end = first;
  for (; end != ranges_.end() && end->start < range.end; ++end) {
    if (end->start < range.start) left.push_back({end->start, range.start});
    if (end->end > range.end) left.push_back({range.end, end->end});
  }
  ranges_.insert(ranges_.erase(first, end), left.begin(), left.end());
}

uint64_t MemRanges::size() const {
  uint64_t size = 0;
  for (const MemRange& range : ranges_) size += range.size();
  return size;
}

bool MemRanges::contains(uint64_t address) const {
  const auto range = std::ranges::upper_bound(ranges_, address, {}, &MemRange::end);
  return range != ranges_.end() && range->start <= address;
}

std::vector<MemRange> Memblock::free_ranges() const {
  MemRanges free = memory_;
  for (const MemRange& range : reserved_.ranges()) free.remove(range);
  return {free.ranges().begin(), free.ranges().end()};
}

std::vector<PfnRange> Memblock::free_frames() const { return whole_pages(free_ranges()); }
std::vector<PfnRange> Memblock::memory_frames() const { return whole_pages(memory_.ranges()); }

PageCount frames_within(std::span<const PfnRange> ranges, PfnRange within) {
  PageCount count{0};
  for (const PfnRange& range : ranges) {
    const Pfn start = std::max(range.start, within.start);
    const Pfn end = std::min(range.end, within.end);
    if (start < end) count += end - start;
  }
  return count;
}

std::optional<uint64_t> Memblock::alloc(uint64_t size, uint64_t align, MemRange limits) {
  DCHECK_EQ(align & (align - 1), uint64_t{0});
  if (size == 0) return std::nullopt;
  std::vector<MemRange> free = free_ranges();
  if (!bottom_up_) std::ranges::reverse(free);
  for (const MemRange& range : free) {
    const uint64_t start = std::max(range.start, limits.start);
    const uint64_t end = std::min(range.end, limits.end);
    if (start >= end || end - start < size) continue;
    const uint64_t found = bottom_up_ ? align_up(start, align) : align_down(end - size, align);
    if (found < start || found > end - size) continue;
    reserve({found, found + size});
    return found;
  }
  return std::nullopt;
}

std::string memblock_text(const MemRanges& ranges) {
  std::string text;
  size_t number = 0;
  for (const MemRange& range : ranges.ranges()) {
    fmt::format_to(std::back_inserter(text), "{:4}: {:#018x}..{:#018x} {:4} NONE\n", number++,
                   range.start, range.end - 1, 0);
  }
  return text;
}

}  // namespace ring3::mm
