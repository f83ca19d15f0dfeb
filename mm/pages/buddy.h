#pragma once

// The binary buddy system over one range of page frames: free blocks of eleven orders, split on the
// way out and merged on the way in. Which of those that would do is given is the policy's: the
// kernel's lists or packed maps. Pure: no lock; a Zone owns it and locks it.
//
// Invariants: every free block is aligned to its size and known by its head (PageState::kBuddy
// with its order) and to the policy under that order; no two free buddies of an order below the
// highest stand side by side; free_pages() is the sum over the orders.
//
// Knuth, The Art of Computer Programming 1, 2.5; the kernel's Documentation/mm/page_allocation.rst.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "mm/pages/free_lists.h"
#include "mm/pages/free_maps.h"
#include "mm/pages/memmap.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

// Which of the free blocks that would do is given.
enum class PagePolicy : uint8_t {
  kKernel,  // the kernel's lists: the block that was freed last
  kPacked,  // the lowest pageblock in use that has room: FreeMaps
};
inline constexpr std::array<std::string_view, 2> kPagePolicyNames = {"kernel", "packed"};
constexpr std::string_view to_string(PagePolicy policy) {
  return kPagePolicyNames[static_cast<size_t>(policy)];
}

class Buddy {
 public:
  // Governs the frames [start, end), none of them free yet, in the kernel's order; or packed, as
  // `maps`, made for the same frames, have it.
  Buddy(const Memmap& memmap, Pfn start, Pfn end, std::optional<FreeMaps> maps = std::nullopt)
      : memmap_(memmap), start_(start), end_(end) {
    if (maps) policy_.emplace<FreeMaps>(std::move(*maps));
  }

  Pfn start() const { return start_; }
  Pfn end() const { return end_; }

  // Hands over the frames [start, end) as free, in the largest aligned blocks that fit.
  void add_free_range(Pfn start, Pfn end);

  // The head of a block of `order`, of a block that the policy chooses; what is left over goes back
  // as one block of each order below. The head is left interior: the caller says what it
  // becomes. Null when no block of `order` or larger is free.
  Page* take(Order order);

  // Frees the block at `page` and merges it with its free buddy, order by order, as far as that
  // goes. The caller has checked that the block is aligned, in range and not free.
  void put(Page& page, Order order);

  PageCount free_pages() const { return free_pages_; }
  uint64_t free_blocks(Order order) const { return blocks_[order.value()]; }
  // True when take(order) would find a block.
  bool has_block(Order order) const;

  // Walks all free blocks and counts what breaks an invariant: 0 when all is well.
  size_t count_faults() const;

 private:
  template <class Policy>
  Page* take_from(Policy& policy, Order wanted);
  template <class Policy>
  void put_into(Policy& policy, Page& page, Order order);
  template <class Policy>
  void insert(Policy& policy, Page& page, Order order);
  template <class Policy>
  void remove(Policy& policy, Page& page, Order order);
  // The buddy of the block at `pfn` if it is wholly free and of the same order, else null.
  Page* free_buddy(Pfn pfn, Order order) const;

  Memmap memmap_;
  Pfn start_;
  Pfn end_;
  std::variant<FreeLists, FreeMaps> policy_;
  std::array<uint64_t, kOrders> blocks_{};  // free ones, by order
  PageCount free_pages_{0};
};

}  // namespace ring3::mm
