#pragma once

// The page descriptor: what is known of one page frame. All descriptors together are the memmap,
// an array indexed by pfn that is mapped but not written until its pages are used, so all zero
// bytes is a valid descriptor: an interior page.

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/cpu/atomic.h"
#include "lib/list.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

enum class PageState : uint8_t {
  kInterior,   // not the first page of anything: a block is known by its head
  kBuddy,      // head of a free block on a zone's free list
  kPcp,        // free, on a CPU's list or on the way to where free blocks are
  kAllocated,  // head of a block that someone owns
};

// Who an allocated block belongs to: only a free that names the same owner is right.
enum class PageOwner : uint8_t {
  kNobody,        // whoever called alloc_pages
  kSlab,          // a slab of a KmemCache; `owner_words` is its Slab
  kLargeKmalloc,  // an object too large for a kmalloc cache
};

struct Page {
  // Free list links while kBuddy, the owner's while kAllocated.
  ListNode list;

  // Of a tail of a compound page: its head. Null in every other page. Atomic, relaxed: a stale
  // pointer may be looked up while its page changes hands; who gets a head from here claims it, or
  // asks again under the owner's lock.
  Atomic<Page*> compound_head;

  // Where the block was last allocated or freed: what reports name as the caller.
  Atomic<uintptr_t> caller;

  // For the owner of an allocated block (mm/slab keeps a slab's state here). All zero when a block
  // is handed to an owner other than kNobody.
  std::array<uint64_t, 3> owner_words;

  // For a new owner. The first word is what a stale free may look at meanwhile (a slab's cache).
  void clear_owner_words() {
    AtomicRef<uint64_t>(owner_words[0]).store(0, std::memory_order_relaxed);
    owner_words[1] = owner_words[2] = 0;
  }

  PageState state() const { return static_cast<PageState>(head() >> kStateShift); }
  Order order() const { return Order(head() & kByte); }
  PageOwner owner() const { return static_cast<PageOwner>(head() >> kOwnerShift & kByte); }

  bool is_buddy(Order order) const { return head() == pack(PageState::kBuddy, order); }
  bool is_allocated(Order order, PageOwner owner) const {
    return head() == pack(PageState::kAllocated, order, owner);
  }
  // Release: whoever sees the owner sees its owner_words cleared.
  void set_head(PageState state, Order order, PageOwner owner = PageOwner::kNobody) {
    head_.store(pack(state, order, owner), std::memory_order_release);
  }
  void set_interior() { set_head(PageState::kInterior, Order(0)); }

  // Takes an allocated block from its owner: of all who try at once, one succeeds, and from then on
  // the block is that one's to give back. Relaxed: what the block's user wrote is handed on by the
  // list that it goes to; the claim only has to be one.
  bool claim(Order order, PageOwner owner) {
    uint32_t expected = pack(PageState::kAllocated, order, owner);
    return head_.compare_exchange_strong(expected, pack(PageState::kPcp, order),
                                         std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kOwnerShift = 8;
  static constexpr unsigned kStateShift = 16;
  static constexpr uint32_t kByte = 0xff;
  static constexpr uint32_t pack(PageState state, Order order,
                                 PageOwner owner = PageOwner::kNobody) {
    DCHECK(order.valid());
    return static_cast<uint32_t>(state) << kStateShift |
           static_cast<uint32_t>(owner) << kOwnerShift | order.value();
  }
  // Acquire pairs with set_head(); on x86-64 both are plain.
  uint32_t head() const { return head_.load(std::memory_order_acquire); }

  // State, owner and order in one word, so that they change in one step. kBuddy comes and goes only
  // under the zone's lock, so under that lock a page that reads as kBuddy stays so. kAllocated ends
  // by a claim. A merging neighbour may read any of it meanwhile; anything but kBuddy tells it the
  // same.
  Atomic<uint32_t> head_;
};

static_assert(sizeof(Page) == 64, "a descriptor is one cache line, 1.56 % of memory");

}  // namespace ring3::mm
