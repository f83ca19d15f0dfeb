#pragma once

// The kernel's policy: the binary buddy system over lists of free blocks, one an order, through the
// descriptors. A block is taken from the head of the smallest order that has one, is split on the
// way out, merges on the way in, and comes to the head.
//
// The blocks that a zone begins with are no list: a range stands for them, behind the list of the
// highest order, and nothing of them is written until they are taken.
//
// Invariants: every free block is aligned to its size, known by its head (PageState::kBuddy with
// its order) and on the list of that order, or fresh; no two free buddies of an order below the
// highest stand side by side; free_pages() is the sum over the orders.
//
// Knuth, The Art of Computer Programming 1, 2.5; the kernel's Documentation/mm/page_allocation.rst.

#include <array>
#include <cstdint>
#include <span>

#include "lib/list.h"
#include "mm/pages/page_policy.h"

namespace ring3::mm {

class Buddy final : public FreeBlocks {
 public:
  // Governs the frames [start, end), none of them free yet.
  Buddy(const Memmap& memmap, Pfn start, Pfn end) : memmap_(memmap), start_(start), end_(end) {}

  // In the largest aligned blocks that fit, the lowest at the head of its list.
  void add_free_range(Pfn start, Pfn end) override;
  size_t take(Order order, std::span<Frame> heads) override;
  size_t put(Order order, std::span<Frame> heads) override;

  unsigned orders() const override;
  PageCount free_pages() const override { return free_pages_; }
  std::array<uint64_t, kOrders> free_blocks() const override { return blocks_; }
  size_t count_faults() const override;

 private:
  // The head of a block; kNoPfn when there is none. What is left over goes back as one block of
  // each order below.
  Pfn take_one(Order wanted);
  // Takes the first block of an order that has one.
  Pfn first_of(Order order);
  void put_range(Pfn start, Pfn end);
  void put_one(Pfn pfn, Order order);
  void insert(Pfn pfn, Order order);
  void remove(Pfn pfn, Order order);
  // True when the buddy of the block at `pfn` is wholly free and of the same order.
  bool has_free_buddy(Pfn pfn, Order order) const;

  Memmap memmap_;
  Pfn start_;
  Pfn end_;
  std::array<List<Page, &Page::list>, kOrders> lists_;
  // Free blocks of the highest order that have never been used.
  Pfn fresh_start_{0};
  Pfn fresh_end_{0};
  std::array<uint64_t, kOrders> blocks_{};  // of each order
  PageCount free_pages_{0};
};

}  // namespace ring3::mm
