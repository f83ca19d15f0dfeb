#include "harness/replay/page_map.h"

#include <algorithm>

namespace ring3::harness {

using mm::Migratetype;
using mm::Pfn;

uint64_t PageMapSlice::used_pages() const {
  uint64_t used = 0;
  for (const PageblockUse& use : pageblocks) used += use.used;
  return used;
}

double PageMapSlice::whole_percent() const {
  const uint64_t free = pageblocks.size() * mm::kPageblockFrames - used_pages();
  const uint64_t possible = free / mm::kPageblockFrames;
  if (possible == 0) return 100;
  const auto whole =
      std::ranges::count_if(pageblocks, [](const PageblockUse& use) { return use.used == 0; });
  return 100.0 * static_cast<double>(whole) / static_cast<double>(possible);
}

double PageMapSlice::mixed_percent() const {
  uint64_t in_use = 0;
  uint64_t mixed = 0;
  for (const PageblockUse& use : pageblocks) {
    in_use += use.used != 0;
    mixed += use.mixed();
  }
  return in_use == 0 ? 0 : 100.0 * static_cast<double>(mixed) / static_cast<double>(in_use);
}

PageMapSlice look_at_pages(const mm::PageAllocator& pages, const PageTypes& types) {
  const mm::Memmap& memmap = pages.memmap();
  PageMapSlice slice;
  slice.pageblocks.resize(memmap.page_count().value() / mm::kPageblockFrames);
  PageSet in_use(Pfn(0), Pfn(0) + memmap.page_count());
  pages.for_each_allocated_block([&](const mm::Page& page, mm::FrameState state) {
    const Pfn head = memmap.pfn_of(page);
    in_use.add_block(head, state.order());
    const Migratetype type =
        state.owner() == mm::PageOwner::kNobody ? types.of(head) : Migratetype::kUnmovable;
    uint64_t left = state.order().pages().value();
    for (uint64_t at = head.value() / mm::kPageblockFrames; left != 0; ++at) {
      const uint64_t here = std::min(left, mm::kPageblockFrames);
      slice.pageblocks[at].used = static_cast<uint16_t>(slice.pageblocks[at].used + here);
      slice.pageblocks[at].types |= static_cast<uint8_t>(1u << static_cast<unsigned>(type));
      left -= here;
    }
    return true;
  });
  slice.free_blocks = in_use.blocks_outside();
  return slice;
}

}  // namespace ring3::harness
