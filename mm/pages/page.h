#pragma once

// The page descriptor: what its owner and its free list keep of a block, at the block's head. All
// descriptors together are an array indexed by pfn that is mapped but not written until someone has
// something to keep, so all zero bytes is a valid descriptor. Whether a page is free at all is its
// FrameState's to say.

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/cpu/atomic.h"
#include "lib/list.h"

namespace ring3::mm {

struct alignas(64) Page {
  // Free list links while kBuddy, the owner's while kAllocated.
  ListNode list;

  // 1 while a page in use counts as movable (the kernel's PG_lru): when the kernel policy decides
  // what a pageblock is for.
  Atomic<uint8_t> lru;

  // References to a block that has several users (PageAllocator::alloc_shared_pages), at its head;
  // 0 of every other.
  Atomic<uint32_t> refs;

  // For the owner of an allocated block (mm/slab keeps a slab's state here). All zero when a block
  // is handed to an owner other than kNobody.
  std::array<uint64_t, 3> owner_words;

  // For a new owner. The first word is what a stale free may look at meanwhile (a slab's cache).
  void clear_owner_words() {
    AtomicRef<uint64_t>(owner_words[0]).store(0, std::memory_order_relaxed);
    owner_words[1] = owner_words[2] = 0;
  }
};

static_assert(sizeof(Page) == 64, "a descriptor is one cache line, 1.56 % of memory");

}  // namespace ring3::mm
