#pragma once

// Free blocks as bitmaps, a bit a block of each order, and the policy that they make cheap: memory
// is packed. A request is served from the lowest pageblock (2 MiB, what a huge page needs) that is
// in use already and has room for it; one that is wholly free is broken only when no other has. So
// the blocks that are in use gather at low addresses, and whole pageblocks stay whole.

#include <array>
#include <vector>

#include "lib/index_set.h"
#include "lib/result.h"
#include "mm/pages/memmap.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

// The kernel's pageblock_order on x86-64: 512 pages.
inline constexpr Order kPageblockOrder{9};

class FreeMaps {
 public:
  // For the frames [start, end). kNoResource when the host refuses the bitmaps.
  static Result<FreeMaps> create(const Memmap& memmap, Pfn start, Pfn end);

  void insert(Page& page, Order order);
  void remove(Page& page, Order order);

  // The block to take for a request of `wanted`, and its order: in the lowest pageblock in use that
  // has one, the smallest that is large enough; else the lowest of the smallest order that is a
  // pageblock or more. Null when there is none.
  Page* choose(Order wanted, Order& found);

  template <class Visit>
  void for_each(Order order, Visit visit) const {
    const IndexSet& map = maps_[order.value()];
    for (size_t i = map.at_or_after(0); i != IndexSet::kNone; i = map.at_or_after(i + 1)) {
      visit(page_at(i, order));
    }
  }

 private:
  FreeMaps(const Memmap& memmap, Pfn base, std::vector<IndexSet> maps)
      : memmap_(memmap), base_(base), maps_(std::move(maps)) {
    lowest_.fill(IndexSet::kNone);
  }

  size_t index_of(const Page& page, Order order) const {
    return (memmap_.pfn_of(page) - base_).value() >> order.value();
  }
  Page& page_at(size_t index, Order order) const {
    return memmap_.page(base_ + PageCount(uint64_t{index} << order.value()));
  }
  static size_t pageblock_of(size_t index, Order order) {
    return index >> (kPageblockOrder.value() - order.value());
  }
  // The lowest free block of `order`, or IndexSet::kNone.
  size_t lowest(Order order);
  // The lowest pageblock in use with a free block of `wanted` or more, or IndexSet::kNone.
  size_t lowest_with(Order wanted);
  // The smallest free block of `wanted` or more in a pageblock in use; null when it has none.
  Page* smallest_in(size_t pageblock, Order wanted, Order& found) const;

  Memmap memmap_;
  Pfn base_;                    // where block 0 of every order begins
  std::vector<IndexSet> maps_;  // by order
  // No block of the order is free below; kNone: none at all.
  std::array<size_t, kOrders> lowest_;
  // No pageblock in use below has room.
  size_t first_in_use_ = IndexSet::kNone;
};

}  // namespace ring3::mm
