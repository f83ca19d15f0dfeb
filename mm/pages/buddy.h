#pragma once

// The kernel's policy: the binary buddy system over lists of free blocks, one an order and
// migratetype, through the descriptors. A block is taken from the head of the smallest order that
// has one, is split on the way out, and merges on the way in; mm/pages/kernel_rules.h says which
// end of a list it comes to, what is done when a type has no more blocks of its own, and in what
// versions of the kernel differ.
//
// The blocks that a zone begins with are no list: a range stands for them, behind the movable list
// of the highest order, and nothing of them is written until they are taken.
//
// Invariants: every free block is aligned to its size, known by its head (PageState::kBuddy with
// its order) and on a list of that order, or fresh; no two free buddies of an order below that of a
// pageblock stand side by side; where lists are typed, a block's is that of its pageblock's type;
// free_pages() is the sum over the orders.
//
// Knuth, The Art of Computer Programming 1, 2.5; the kernel's Documentation/mm/page_allocation.rst.

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "lib/list.h"
#include "mm/pages/kernel_rules.h"
#include "mm/pages/page_policy.h"

namespace ring3::mm {

class Buddy final : public FreeBlocks {
 public:
  using FreeList = List<Page, &Page::list>;

  // Governs the frames [start, end), none of them free yet. pageblock_order >= kPageblockOrder.
  Buddy(const Memmap& memmap, Pfn start, Pfn end, Order pageblock_order = kPageblockOrder,
        const rules::Persona& persona = rules::kLinux61);

  // In the largest aligned blocks that fit, the lowest at the head of its list.
  void add_free_range(Pfn start, Pfn end) override;
  size_t take(Order order, Migratetype type, Reach reach, std::span<Frame> heads) override;
  size_t put(Order order, std::span<Frame> heads) override;

  unsigned orders() const override;
  PageCount free_pages() const override { return free_pages_; }
  std::array<uint64_t, kOrders> free_blocks() const override { return blocks_; }
  TypedBlocks free_blocks_by_type() const override;
  size_t count_faults() const override;

  // ---- The kernel's functions, for one block. kNoPfn when there is none. ----

  // From the lists of `type` alone.
  Pfn take_smallest(Order order, Migratetype type);
  // From those, and if they have none, from another type's as far as `reach` goes, of which more
  // may follow.
  Pfn take_one(Order order, Migratetype type, Reach reach = Reach::kMixing);
  // Merges, onto a list of `type`.
  void put_one(Pfn pfn, Order order, Migratetype type);
  // As of the type of its pageblock, or where lists are typed, of its pageblocks, one by one.
  void put_typed(Pfn pfn, Order order);

  // ---- Pageblocks. ----

  const rules::Persona& persona() const { return persona_; }
  Order pageblock_order() const { return pageblock_order_; }
  // From frame 0 to the end of the zone.
  size_t pageblocks() const { return div_round_up(end_.value(), pageblock_order_.pages().value()); }
  Migratetype type_of(Pfn pfn) const { return memmap_.type_of(pfn); }
  // Of all of the pageblock around `pfn`, which may be larger than the table's.
  void set_type(Pfn pfn, Migratetype type);
  // All that is free in the pageblock around `pfn` goes to the lists of `type`, which it becomes
  // one of. False, and nothing changes, when the zone ends inside it.
  bool move_pageblock(Pfn pfn, Migratetype type);

  // ---- Free lists. ----

  bool has_free(Order order, Migratetype type) const {
    return !list(order, type).empty() || is_fresh(order, type);
  }
  PageCount free_pages_of(Migratetype type) const;
  // Those that are written down: what is fresh is not.
  const FreeList& list(Order order, Migratetype type) const {
    return lists_[order.value()][static_cast<size_t>(type)];
  }
  // Puts a free block at the end of a list, as it was found there.
  void restore(Pfn pfn, Order order, Migratetype type) { insert(pfn, order, type, true); }

  // ---- The boost of the zone's watermarks, in pages. ----

  // As much as one more steal adds, given the zone's size and high mark; off at first.
  void set_boost(PageCount managed, PageCount high, uint64_t factor);
  uint64_t boost() const { return boost_; }
  void restore_boost(uint64_t pages) { boost_ = pages; }

 private:
  FreeList& list(Order order, Migratetype type) {
    return lists_[order.value()][static_cast<size_t>(type)];
  }
  bool is_fresh(Order order, Migratetype type) const {
    return order == kMaxOrder && type == Migratetype::kMovable && fresh_start_ < fresh_end_;
  }
  // The first block of a list that has one.
  Pfn first_of(Order order, Migratetype type);
  // A block of another type's for `type`; kNoPfn when no other has one of `order` or more that it
  // may have.
  Pfn take_foreign(Order order, Migratetype type, Reach reach);
  struct Found {
    Order order;
    Migratetype type;
  };
  // The best other type with a block of that order.
  std::optional<Found> fallback_of(Order order, Migratetype type) const;
  // The first down from the largest, or up from `order`.
  std::optional<Found> find_fallback(Order order, Migratetype type, bool upward) const;
  // Makes the pageblock of what was found one of `type`, if it may be, and takes of it.
  Pfn claim(const Found& found, Order order, Migratetype type);
  // Takes what was found, or the lower part of it, and no more.
  Pfn steal(const Found& found, Order order, Migratetype type);

  // The part of a pageblock that the zone has, and what is in it.
  struct Contents {
    Pfn start;
    Pfn end;
    uint64_t free = 0;     // pages
    uint64_t movable = 0;  // pages in use that count as such
  };
  // Empty when the zone ends inside it.
  Contents contents_of(Pfn pfn) const;
  void move_free(const Contents& contents, Migratetype type);

  void put_range(Pfn start, Pfn end);
  // Takes a free block off its list; of it, the lower part, whose rest goes to lists of `rest`.
  Pfn split(Pfn pfn, Order order, Order wanted, Migratetype rest);
  void insert(Pfn pfn, Order order, Migratetype type, bool at_tail);
  void remove(Pfn pfn, Order order);
  // To the end of a list of another type.
  void move_to_tail(Pfn pfn, Order order, Migratetype type);
  // True when the block at `pfn` is free and of that order.
  bool is_free(Pfn pfn, Order order) const {
    return pfn >= start_ && pfn + order.pages() <= end_ &&
           memmap_.state(pfn) == FrameState::buddy(order);
  }

  Memmap memmap_;
  Pfn start_;
  Pfn end_;
  Order pageblock_order_;
  const rules::Persona& persona_;
  std::array<std::array<FreeList, kMigratetypes>, kOrders> lists_;
  // Free blocks of the highest order that have never been used.
  Pfn fresh_start_{0};
  Pfn fresh_end_{0};
  std::array<uint64_t, kOrders> blocks_{};  // of each order
  PageCount free_pages_{0};

  uint64_t boost_ = 0;
  PageCount managed_{0};
  PageCount high_mark_{0};
  uint64_t boost_factor_ = 0;
};

}  // namespace ring3::mm
