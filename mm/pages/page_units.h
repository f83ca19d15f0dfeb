#pragma once

// The units of the page allocator: a page frame's number, a count of pages, and the order of a
// block, which are three things.

#include <cstddef>
#include <cstdint>

#include "lib/bits.h"
#include "lib/check.h"
#include "lib/units.h"

namespace ring3::mm {

inline constexpr unsigned kPageShift = 12;
inline constexpr size_t kPageSize = size_t{1} << kPageShift;

// A number of 4 KiB pages.
using PageCount = Quantity<struct PageCountTag, uint64_t>;

// The number of a page frame: its address divided by the page size, from 0 at the arena's start.
using Pfn = Ordinal<struct PfnTag, uint64_t, PageCount>;

// The frames [start, end).
struct PfnRange {
  Pfn start;
  Pfn end;
};

inline constexpr Pfn kNoPfn = Pfn(~uint64_t{0});  // no frame

// A page frame number as lists keep it, of half the size: an arena has no more than 2^32 frames.
using Frame = uint32_t;

// log2 of a block's size in pages. Values above kMaxOrder can be held, so that a wrong request can
// be named in a report.
class Order {
 public:
  static constexpr unsigned kMax = 10;  // the kernel's MAX_PAGE_ORDER

  constexpr Order() = default;
  constexpr explicit Order(unsigned value) : value_(value) {}

  // The smallest order whose block holds `bytes`; above kMax when no block does.
  static constexpr Order for_bytes(size_t bytes) {
    const size_t pages = div_round_up(bytes, kPageSize);
    return Order(pages <= 1 ? 0 : fls(pages - 1));
  }

  constexpr unsigned value() const { return value_; }
  constexpr bool valid() const { return value_ <= kMax; }
  constexpr PageCount pages() const { return PageCount(uint64_t{1} << value_); }
  constexpr size_t bytes() const { return kPageSize << value_; }
  constexpr auto operator<=>(const Order&) const = default;

  constexpr Order higher() const { return Order(value_ + 1); }
  constexpr Order lower() const { return Order(value_ - 1); }

 private:
  unsigned value_ = 0;
};

inline constexpr Order kMaxOrder{Order::kMax};
inline constexpr size_t kOrders = Order::kMax + 1;  // the kernel's NR_PAGE_ORDERS

// The kernel's pageblock_order on x86-64: 512 pages, what a huge page needs.
inline constexpr Order kPageblockOrder{9};

// True when a block of `order` may start at `pfn`.
constexpr bool is_block_aligned(Pfn pfn, Order order) {
  return is_aligned(pfn.value(), order.pages().value());
}

// The only block that the block at `pfn` can merge with: same size, adjacent, and both halves of
// one larger block.
constexpr Pfn buddy_of(Pfn pfn, Order order) { return Pfn(pfn.value() ^ order.pages().value()); }

}  // namespace ring3::mm
