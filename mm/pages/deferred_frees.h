#pragma once

// Blocks that came back from where nothing may be waited for, until somebody comes by who may (the
// kernel's zone->trylock_free_pages).

#include <cstdint>

#include "lib/cpu/atomic.h"
#include "mm/pages/memmap.h"

namespace ring3::mm {

// A stack without a lock: pushes from anywhere, and only all of it is taken, so nobody is misled by
// a head that was taken and has come back. The link is in a word of the block's descriptor that has
// no other use while the block is kPcp, which says its order too.
class DeferredFrees {
 public:
  explicit DeferredFrees(const Memmap& memmap) : memmap_(memmap) {}

  // May be stale at once.
  bool empty() const { return newest_.load(std::memory_order_relaxed) == kNone; }

  void push(Pfn head) {
    pages_.fetch_add(memmap_.state(head).order().pages().value(), std::memory_order_relaxed);
    uint64_t next = newest_.load(std::memory_order_relaxed);
    do {
      link_of(head).store(next, std::memory_order_relaxed);
    } while (!newest_.compare_exchange_weak(next, head.value() + 1, std::memory_order_release,
                                            std::memory_order_relaxed));
  }

  // Calls visit(Pfn head) with each, which is the visitor's then.
  template <class Visit>
  void take_all(Visit visit) {
    for (uint64_t at = newest_.exchange(kNone, std::memory_order_acquire); at != kNone;) {
      const Pfn head(at - 1);
      at = link_of(head).load(std::memory_order_relaxed);
      pages_.fetch_sub(memmap_.state(head).order().pages().value(), std::memory_order_relaxed);
      visit(head);
    }
  }

  // May be stale at once.
  PageCount pages() const { return PageCount(pages_.load(std::memory_order_relaxed)); }

 private:
  static constexpr uint64_t kNone = 0;  // else a frame's number plus 1
  AtomicRef<uint64_t> link_of(Pfn head) const {
    return AtomicRef<uint64_t>(memmap_.page(head).owner_words[1]);
  }

  Memmap memmap_;
  Atomic<uint64_t> newest_{kNone};
  Atomic<uint64_t> pages_{0};
};

}  // namespace ring3::mm
