#pragma once

// The memmap: page frame number <-> descriptor <-> address, all by arithmetic. A value: it points
// to the arena and to the descriptors and owns neither.

#include <cstddef>
#include <cstdint>

#include "mm/pages/page.h"

namespace ring3::mm {

class Memmap {
 public:
  // `arena` and `pages` each cover `count` pages and outlive the Memmap and its copies.
  Memmap(std::byte* arena, Page* pages, PageCount count)
      : arena_(arena), pages_(pages), count_(count) {}

  PageCount page_count() const { return count_; }
  size_t size_bytes() const { return count_.value() * kPageSize; }

  bool contains(Pfn pfn) const { return pfn.value() < count_.value(); }
  // True for the address of a descriptor of this map.
  bool contains(const Page* page) const {
    const auto at = reinterpret_cast<uintptr_t>(page);
    const auto start = reinterpret_cast<uintptr_t>(pages_);
    return at >= start && at < start + count_.value() * sizeof(Page) &&
           (at - start) % sizeof(Page) == 0;
  }
  // True for an address inside the arena.
  bool contains_address(const void* address) const {
    const auto at = reinterpret_cast<uintptr_t>(address);
    const auto start = reinterpret_cast<uintptr_t>(arena_);
    return at >= start && at - start < size_bytes();
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
  // The head of the compound page that `address` lies in, or its own page; null outside.
  Page* head_page_of(const void* address) const {
    Page* page = page_of(address);
    if (page == nullptr) return nullptr;
    Page* head = page->compound_head.load(std::memory_order_relaxed);
    return head != nullptr ? head : page;
  }

 private:
  std::byte* arena_;
  Page* pages_;
  PageCount count_;
};

}  // namespace ring3::mm
