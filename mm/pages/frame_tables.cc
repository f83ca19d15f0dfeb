#include "mm/pages/frame_tables.h"

#include <cstring>
#include <utility>

#include "lib/cpu/percpu.h"

namespace ring3::mm {
namespace {

// Where the frames' states begin in their memory. The processor takes a load for one of what was
// just stored when their addresses agree in the lowest 12 bits, and waits. Blocks begin at even
// frames, and CPUs' lists at cache lines with a header of half a line: so their heads' states keep
// clear of those.
constexpr size_t kStatesOffset = kCacheLineBytes / 2;

// Descriptors of so many bytes lie on huge pages, each of which covers 128 MiB of the arena: of a
// smaller arena that would be too much to touch at once.
constexpr size_t kLeastForHugePages = size_t{16} << 20;

}  // namespace

Result<FrameTables> FrameTables::create(PageCount count) {
  const size_t pages_bytes = count.value() * sizeof(Page);
  const bool huge = pages_bytes >= kLeastForHugePages;
  Result<os::Reservation> pages =
      os::reserve(pages_bytes, huge ? kPageblockOrder.bytes() : alignof(Page));
  if (!pages) return pages.error();
  if (huge) pages->prefer_huge_pages();
  Result<os::Reservation> states = os::reserve(kStatesOffset + count.value(), alignof(Page));
  if (!states) return states.error();
  const size_t pageblock_count =
      align_up(count.value(), kMaxOrder.pages().value()) / kPageblockFrames;
  Result<os::Reservation> pageblocks = os::reserve(pageblock_count, alignof(Page));
  if (!pageblocks) return pageblocks.error();
  std::memset(pageblocks->base(), Pageblock(0, ZoneType::kDma).byte(), pageblock_count);
  return FrameTables(std::move(*pages), std::move(*states), std::move(*pageblocks), count);
}

Memmap FrameTables::memmap(std::byte* arena) const {
  return {arena, reinterpret_cast<Page*>(pages_.base()),
          reinterpret_cast<Atomic<uint8_t>*>(states_.base() + kStatesOffset),
          reinterpret_cast<Atomic<uint8_t>*>(pageblocks_.base()), count_};
}

}  // namespace ring3::mm
