#pragma once

// A buddy system over frames that nobody touches, under either policy, whose end proves that its
// invariants hold.

#include <boost/test/unit_test.hpp>

#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "lib/reservation.h"
#include "mm/pages/buddy.h"

namespace ring3::mm {

inline std::ostream& operator<<(std::ostream& out, PagePolicy policy) {
  return out << to_string(policy);
}

// Frames [0, pages), of which the buddy governs [start, end).
struct BuddyArena {
  explicit BuddyArena(PagePolicy policy, uint64_t pages = 4096, uint64_t start = 0)
      : memory(std::move(os::reserve(pages * sizeof(Page), alignof(Page)).value())),
        memmap(reinterpret_cast<std::byte*>(uintptr_t{1} << 40),
               reinterpret_cast<Page*>(memory.base()), PageCount(pages)),
        buddy(memmap, Pfn(start), Pfn(pages), maps_of(policy, memmap, Pfn(start), Pfn(pages))) {}
  ~BuddyArena() { BOOST_TEST(buddy.count_faults() == 0u); }

  static std::optional<FreeMaps> maps_of(PagePolicy policy, const Memmap& memmap, Pfn start,
                                         Pfn end) {
    if (policy == PagePolicy::kKernel) return std::nullopt;
    return std::optional<FreeMaps>(std::move(FreeMaps::create(memmap, start, end).value()));
  }

  Pfn take(unsigned order) {
    Page* page = buddy.take(Order(order));
    BOOST_REQUIRE(page != nullptr);
    page->set_head(PageState::kAllocated, Order(order));
    return memmap.pfn_of(*page);
  }
  void put(Pfn pfn, unsigned order) { buddy.put(memmap.page(pfn), Order(order)); }
  std::vector<uint64_t> blocks() const {
    std::vector<uint64_t> counts;
    for (unsigned order = 0; order < kOrders; ++order) {
      counts.push_back(buddy.free_blocks(Order(order)));
    }
    return counts;
  }

  os::Reservation memory;
  Memmap memmap;
  Buddy buddy;
};

}  // namespace ring3::mm
