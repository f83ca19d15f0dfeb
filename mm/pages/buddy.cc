#include "mm/pages/buddy.h"

#include <algorithm>
#include <bit>

namespace ring3::mm {

const PagePolicy kKernelPolicy{
    .name = "kernel",
    .make = [](const Memmap& memmap, Pfn start, Pfn end) -> Result<std::unique_ptr<FreeBlocks>> {
      return std::unique_ptr<FreeBlocks>(std::make_unique<Buddy>(memmap, start, end));
    },
    // Up to PAGE_ALLOC_COSTLY_ORDER, and the order of a huge page (6.1: pcp_allowed_order()).
    .orders_on_cpus = 0b10'0000'1111,
    .smallest_region = PageCount::max(),
    .finds_doubles = false};

void Buddy::insert(Pfn pfn, Order order) {
  memmap_.set_state(pfn, FrameState::buddy(order));
  lists_[order.value()].push_front(memmap_.page(pfn));
  ++blocks_[order.value()];
  free_pages_ += order.pages();
}

void Buddy::remove(Pfn pfn, Order order) {
  lists_[order.value()].remove(memmap_.page(pfn));
  memmap_.set_state(pfn, {});
  --blocks_[order.value()];
  free_pages_ -= order.pages();
}

void Buddy::add_free_range(Pfn start, Pfn end) {
  DCHECK_LE(start_, start);
  DCHECK_LE(end, end_);
  const uint64_t largest = kMaxOrder.pages().value();
  const Pfn fresh_start(align_up(start.value(), largest));
  const Pfn fresh_end(align_down(end.value(), largest));
  if (fresh_start_ == fresh_end_ && fresh_start < fresh_end) {
    fresh_start_ = fresh_start;
    fresh_end_ = fresh_end;
    blocks_[Order::kMax] += (fresh_end - fresh_start) / kMaxOrder.pages();
    free_pages_ += fresh_end - fresh_start;
    put_range(fresh_end, end);
    put_range(start, fresh_start);
  } else {
    put_range(start, end);
  }
}

// From the top down, so that the lowest block ends up at the head of its list.
void Buddy::put_range(Pfn start, Pfn end) {
  while (start < end) {
    const uint64_t last = end.value();
    const unsigned aligned =
        last == 0 ? Order::kMax : static_cast<unsigned>(std::countr_zero(last));
    const unsigned fitting = ilog2((end - start).value());
    const Order order(std::min({aligned, fitting, Order::kMax}));
    end = end - order.pages();
    put_one(end, order);
  }
}

size_t Buddy::take(Order order, std::span<Frame> heads) {
  DCHECK(order.valid());
  size_t taken = 0;
  for (; taken < heads.size(); ++taken) {
    const Pfn pfn = take_one(order);
    if (pfn == kNoPfn) break;
    heads[taken] = static_cast<Frame>(pfn.value());
  }
  return taken;
}

Pfn Buddy::take_one(Order wanted) {
  Order order = wanted;
  while (order.valid() && blocks_[order.value()] == 0) order = order.higher();
  if (!order.valid()) return kNoPfn;
  const Pfn pfn = first_of(order);
  // Keep the lower half, give the upper one back, until the block is as small as wanted.
  while (order > wanted) {
    order = order.lower();
    insert(pfn + order.pages(), order);
  }
  return pfn;
}

Pfn Buddy::first_of(Order order) {
  if (const Page* page = lists_[order.value()].front()) {
    const Pfn pfn = memmap_.pfn_of(*page);
    remove(pfn, order);
    return pfn;
  }
  DCHECK(order == kMaxOrder && fresh_start_ < fresh_end_);
  const Pfn pfn = fresh_start_;
  fresh_start_ = pfn + order.pages();
  --blocks_[order.value()];
  free_pages_ -= order.pages();
  return pfn;
}

bool Buddy::has_free_buddy(Pfn pfn, Order order) const {
  const Pfn buddy = buddy_of(pfn, order);
  return buddy >= start_ && buddy + order.pages() <= end_ &&
         memmap_.state(buddy) == FrameState::buddy(order);
}

size_t Buddy::put(Order order, std::span<Frame> heads) {
  for (const Frame head : heads) put_one(Pfn(head), order);
  return heads.size();
}

void Buddy::put_one(Pfn pfn, Order order) {
  DCHECK(is_block_aligned(pfn, order));
  for (; order < kMaxOrder && has_free_buddy(pfn, order); order = order.higher()) {
    const Pfn buddy = buddy_of(pfn, order);
    remove(buddy, order);
    pfn = std::min(pfn, buddy);
  }
  insert(pfn, order);
}

unsigned Buddy::orders() const {
  unsigned orders = kOrders;
  while (orders > 0 && blocks_[orders - 1] == 0) --orders;
  return orders;
}

size_t Buddy::count_faults() const {
  size_t faults = 0;
  PageCount listed{0};
  for (Order order(0); order.valid(); order = order.higher()) {
    uint64_t blocks = 0;
    if (order == kMaxOrder) {
      blocks = (fresh_end_ - fresh_start_) / order.pages();
      listed += fresh_end_ - fresh_start_;
    }
    for (const Page& page : lists_[order.value()]) {
      const Pfn pfn = memmap_.pfn_of(page);
      const bool in_range = pfn >= start_ && pfn + order.pages() <= end_;
      const bool mergeable = order < kMaxOrder && has_free_buddy(pfn, order);
      const bool known = memmap_.state(pfn) == FrameState::buddy(order);
      if (!known || !is_block_aligned(pfn, order) || !in_range || mergeable) ++faults;
      ++blocks;
      listed += order.pages();
    }
    if (blocks != blocks_[order.value()]) ++faults;
  }
  if (listed != free_pages_) ++faults;
  return faults;
}

}  // namespace ring3::mm
