#pragma once

// The memmap: page frame number <-> descriptor <-> address, all by arithmetic, each frame's state
// and each pageblock's type. A value: it points to the arena and to these tables, and owns none.

#include <cstddef>
#include <cstdint>

#include "lib/cpu/atomic.h"
#include "mm/pages/frame_state.h"
#include "mm/pages/page.h"
#include "mm/pages/pageblock.h"

namespace ring3::mm {

class Memmap {
 public:
  // `arena`, `pages`, `states` and `pageblocks` each cover `count` pages and outlive the Memmap and
  // its copies.
  Memmap(std::byte* arena, Page* pages, Atomic<uint8_t>* states, Atomic<uint8_t>* pageblocks,
         PageCount count)
      : arena_(arena), pages_(pages), states_(states), pageblocks_(pageblocks), count_(count) {}

  PageCount page_count() const { return count_; }
  size_t size_bytes() const { return count_.value() * kPageSize; }

  bool contains(Pfn pfn) const { return pfn.value() < count_.value(); }
  // True for the address of a descriptor of this map.
  bool contains(const Page* page) const {
    const uintptr_t offset =
        reinterpret_cast<uintptr_t>(page) - reinterpret_cast<uintptr_t>(pages_);
    return offset < count_.value() * sizeof(Page) && offset % sizeof(Page) == 0;
  }
  // True for an address inside the arena.
  bool contains_address(const void* address) const {
    return reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(arena_) <
           size_bytes();
  }

  Page& page(Pfn pfn) const {
    DCHECK(contains(pfn));
    return pages_[pfn.value()];
  }
  Pfn pfn_of(const Page& page) const { return Pfn(static_cast<uint64_t>(&page - pages_)); }
  void* address_of(const Page& page) const { return arena_ + pfn_of(page).value() * kPageSize; }
  // The descriptor of the page that `address` lies in; null outside the arena.
  Page* page_of(const void* address) const {
    if (!contains_address(address)) return nullptr;
    return &pages_[static_cast<size_t>(static_cast<const std::byte*>(address) - arena_) >>
                   kPageShift];
  }

  // Acquire pairs with set_state(): whoever sees an owner sees its owner_words cleared. On x86-64
  // both are plain. A frame's state changes only by who has the block: kAllocated ends by a claim,
  // kPcp is its list's, and kBuddy comes and goes under the zone's lock. Anybody may look, and what
  // is seen may be old.
  FrameState state(Pfn pfn) const {
    DCHECK(contains(pfn));
    return FrameState(states_[pfn.value()].load(std::memory_order_acquire));
  }
  void set_state(Pfn pfn, FrameState state) const {
    DCHECK(contains(pfn));
    states_[pfn.value()].store(state.byte(), std::memory_order_release);
  }
  FrameState state_of(const Page& page) const { return state(pfn_of(page)); }
  // Whose the block with the head `page` is; nobody's when it is null or free.
  PageOwner owner_of(const Page* page) const {
    if (page == nullptr) return PageOwner::kNobody;
    const FrameState state = state_of(*page);
    return state.kind() == PageState::kAllocated ? state.owner() : PageOwner::kNobody;
  }

  // The pageblock that `pfn` lies in, or would, up to the end of a last block of the highest order
  // that is cut. Its zone never changes once it is known; its type changes under the lock of the
  // free blocks. Relaxed: to whoever looks without, it is a hint.
  Pageblock pageblock(Pfn pfn) const {
    DCHECK_LT(pfn.value(), align_up(count_.value(), kMaxOrder.pages().value()));
    return Pageblock(pageblocks_[pfn.value() / kPageblockFrames].load(std::memory_order_relaxed));
  }
  void set_pageblock(Pfn pfn, Pageblock pageblock) const {
    DCHECK(contains(pfn));
    pageblocks_[pfn.value() / kPageblockFrames].store(pageblock.byte(), std::memory_order_relaxed);
  }
  Migratetype type_of(Pfn pfn) const { return pageblock(pfn).type(); }
  void set_type(Pfn pfn, Migratetype type) const { set_pageblock(pfn, pageblock(pfn).with(type)); }

  // Takes an allocated block from its owner: of all who try at once, one succeeds, and from then on
  // the block is that one's to give back (kPcp). Relaxed: what the block's user wrote is handed on
  // by the list that it goes to; the claim only has to be one.
  bool claim(Pfn pfn, Order order, PageOwner owner) const {
    uint8_t seen = states_[pfn.value()].load(std::memory_order_relaxed);
    return FrameState(seen).is_allocated(order, owner) &&
           states_[pfn.value()].compare_exchange_strong(seen, FrameState::pcp(order).byte(),
                                                        std::memory_order_relaxed);
  }

  // The same without a locked instruction: a look, and a store. Two that both look before either
  // stores, or one that stores when the other's block has gone on, both succeed.
  bool claim_unlocked(Pfn pfn, Order order, PageOwner owner) const {
    if (!state(pfn).is_allocated(order, owner)) return false;
    set_state(pfn, FrameState::pcp(order));
    return true;
  }

  // From `from` to `to`: of all who try at once, one succeeds. Relaxed as claim().
  bool change_state(Pfn pfn, FrameState from, FrameState to) const {
    uint8_t seen = from.byte();
    return states_[pfn.value()].compare_exchange_strong(seen, to.byte(), std::memory_order_relaxed);
  }

  // The block at `head` leaves a CPU's list and becomes `state`. False when it is on no list,
  // whatever the list's entry says.
  bool use_ticket(Pfn head, Order order, FrameState state) const {
    if (this->state(head) != FrameState::pcp(order)) [[unlikely]]
      return false;
    set_state(head, state);
    return true;
  }

  // The head of the block that `pfn` lies in; `pfn` itself when it lies in none that is known by a
  // head. A block of 2^k frames starts at the next multiple of 2^k below each of its frames, and
  // between that and the frame there is no other head. May be stale at once.
  Pfn head_of(Pfn pfn) const {
    for (Order order(0); order.valid(); order = order.higher()) {
      const Pfn head(align_down(pfn.value(), order.pages().value()));
      const FrameState found = state(head);
      if (found.kind() != PageState::kInside) return found.order() >= order ? head : pfn;
    }
    return pfn;
  }
  // Calls visit(Pfn head, FrameState) with every allocated block, by address, while it returns
  // true. Nobody may allocate or free meanwhile.
  template <class Visit>
  void for_each_allocated_block(Visit visit) const {
    for (Pfn pfn(0); contains(pfn);) {
      const FrameState found = state(pfn);
      if (found.kind() == PageState::kAllocated && !visit(pfn, found)) return;
      pfn = pfn + found.order().pages();
    }
  }
  // The head of the compound page that `address` lies in, or its own page; null outside.
  Page* head_page_of(const void* address) const {
    Page* page = page_of(address);
    if (page == nullptr) return nullptr;
    const Pfn head = head_of(pfn_of(*page));
    return state(head).compound() ? &this->page(head) : page;
  }

 private:
  std::byte* arena_;
  Page* pages_;
  Atomic<uint8_t>* states_;
  Atomic<uint8_t>* pageblocks_;
  PageCount count_;
};

}  // namespace ring3::mm
