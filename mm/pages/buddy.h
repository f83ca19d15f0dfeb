#pragma once

// The binary buddy system over one range of page frames: eleven lists of free blocks, split on the
// way out and merged on the way in. Pure: no lock, no policy; a Zone owns it and locks it.
//
// Invariants: every free block is aligned to its size and known by its head (PageState::kBuddy
// with its order, on the list of that order); no two free buddies of an order below the highest
// stand side by side; free_pages() is the sum over the lists.
//
// Knuth, The Art of Computer Programming 1, 2.5; the kernel's Documentation/mm/page_allocation.rst.

#include <array>

#include "lib/list.h"
#include "mm/pages/memmap.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

class Buddy {
 public:
  // Governs the frames [start, end), none of them free yet.
  Buddy(const Memmap& memmap, Pfn start, Pfn end) : memmap_(memmap), start_(start), end_(end) {}

  Pfn start() const { return start_; }
  Pfn end() const { return end_; }

  // Hands over the frames [start, end) as free, in the largest aligned blocks that fit.
  void add_free_range(Pfn start, Pfn end);

  // The head of a block of `order`, taken from the smallest order that has one; what is left over
  // goes back as one block of each order below. The head is left interior: the caller says what it
  // becomes. Null when no block of `order` or larger is free.
  Page* take(Order order);

  // Frees the block at `page` and merges it with its free buddy, order by order, as far as that
  // goes. The caller has checked that the block is aligned, in range and not free.
  void put(Page& page, Order order);

  PageCount free_pages() const { return free_pages_; }
  uint64_t free_blocks(Order order) const { return areas_[order.value()].blocks; }
  // True when take(order) would find a block.
  bool has_block(Order order) const;

  // Walks every list and counts what breaks an invariant: 0 when all is well.
  size_t count_faults() const;

 private:
  struct FreeArea {
    List<Page, &Page::list> list;
    uint64_t blocks = 0;
  };

  void insert(Page& page, Order order);
  void remove(Page& page, Order order);
  // The buddy of the block at `pfn` if it is wholly free and of the same order, else null.
  Page* free_buddy(Pfn pfn, Order order) const;

  Memmap memmap_;
  Pfn start_;
  Pfn end_;
  std::array<FreeArea, kOrders> areas_;
  PageCount free_pages_{0};
};

}  // namespace ring3::mm
