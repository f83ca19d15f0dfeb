#pragma once

// How memory lies at one moment: what is in use in each pageblock, of which migratetypes, and which
// blocks are free. Told from the state of every frame, so that it does not matter where a policy
// keeps what is free, or a CPU.

#include <array>
#include <cstdint>
#include <vector>

#include "harness/replay/fragmentation.h"
#include "mm/mm.h"

namespace ring3::harness {

// The migratetype of each allocated block, which its request had and the allocator does not keep.
class PageTypes {
 public:
  explicit PageTypes(mm::PageCount pages) : types_(pages.value(), mm::Migratetype::kUnmovable) {}

  void set(mm::Pfn head, mm::Migratetype type) { types_[head.value()] = type; }
  mm::Migratetype of(mm::Pfn head) const { return types_[head.value()]; }

 private:
  std::vector<mm::Migratetype> types_;  // by head
};

struct PageblockUse {
  uint16_t used = 0;  // pages
  uint8_t types = 0;  // of them, a bit a mm::Migratetype
  bool operator==(const PageblockUse&) const = default;
  bool mixed() const { return (types & (types - 1)) != 0; }
};

struct PageMapSlice {
  std::vector<PageblockUse> pageblocks;  // by address
  std::array<uint64_t, mm::kOrders> free_blocks{};

  uint64_t used_pages() const;
  // Free 2 MiB blocks as a share of what the free pages would make if they lay together, in
  // percent; 100 when they would make none.
  double whole_percent() const;
  // Pageblocks in use by more than one type, in percent of all that are in use.
  double mixed_percent() const;
  UnusableIndex unusable() const { return unusable_index(free_blocks); }
};

// Pages of slabs and large objects count as unmovable. Nobody may allocate or free meanwhile.
PageMapSlice look_at_pages(const mm::PageAllocator& pages, const PageTypes& types);

}  // namespace ring3::harness
