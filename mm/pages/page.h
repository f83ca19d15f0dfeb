#pragma once

// The page descriptor: what is known of one page frame. All descriptors together are the memmap,
// an array indexed by pfn that is mapped but not written until its pages are used, so all zero
// bytes is a valid descriptor: an interior page.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lib/list.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

enum class PageState : uint8_t {
  kInterior,   // not the first page of anything: a block is known by its head
  kBuddy,      // head of a free block on a zone's free list
  kPcp,        // a free page on a CPU's list
  kAllocated,  // head of a block that someone owns
};

// Who an allocated block belongs to, set by its owner.
enum class PageOwner : uint8_t {
  kNobody,        // whoever called alloc_pages
  kSlab,          // a slab of a KmemCache; `owner_words` is its Slab
  kLargeKmalloc,  // an object too large for a kmalloc cache
};

struct Page {
  // Free list links while kBuddy, the owner's while kAllocated.
  ListNode list;

  // Of a tail of a compound page: its head. Null in every other page.
  Page* compound_head;

  // Where the block was last allocated or freed: what reports name as the caller.
  std::atomic<uintptr_t> caller;

  // For the owner of an allocated block (mm/slab keeps a slab's state here).
  std::array<uint64_t, 3> owner_words;

  PageState state() const { return unpack(head_.load(std::memory_order_relaxed)).state; }
  Order order() const { return Order(unpack(head_.load(std::memory_order_relaxed)).order); }
  PageOwner owner() const { return owner_.load(std::memory_order_relaxed); }

  bool is_buddy(Order order) const {
    return head_.load(std::memory_order_relaxed) == pack(PageState::kBuddy, order);
  }
  bool is_allocated(Order order) const {
    return head_.load(std::memory_order_relaxed) == pack(PageState::kAllocated, order);
  }
  void set_head(PageState state, Order order) {
    head_.store(pack(state, order), std::memory_order_relaxed);
  }
  void set_interior() { set_head(PageState::kInterior, Order(0)); }
  void set_owner(PageOwner owner) { owner_.store(owner, std::memory_order_relaxed); }

 private:
  struct Head {
    PageState state;
    uint8_t order;
  };
  static constexpr uint16_t pack(PageState state, Order order) {
    return static_cast<uint16_t>(static_cast<unsigned>(state) << 8 | order.value());
  }
  static constexpr Head unpack(uint16_t head) {
    return {static_cast<PageState>(head >> 8), static_cast<uint8_t>(head & 0xff)};
  }

  // State and order in one word. kBuddy comes and goes only under the zone's lock, so under that
  // lock a page that reads as kBuddy stays so. The other states are their owner's to change, and
  // a merging neighbour may read them meanwhile: atomic, but relaxed, since anything but kBuddy
  // tells it the same.
  std::atomic<uint16_t> head_;
  std::atomic<PageOwner> owner_;
};

static_assert(sizeof(Page) == 64, "a descriptor is one cache line, 1.56 % of memory");

}  // namespace ring3::mm
