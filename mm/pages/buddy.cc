#include "mm/pages/buddy.h"

#include <algorithm>
#include <bit>

namespace ring3::mm {

template <class Policy>
void Buddy::insert(Policy& policy, Page& page, Order order) {
  page.set_head(PageState::kBuddy, order);
  policy.insert(page, order);
  ++blocks_[order.value()];
  free_pages_ += order.pages();
}

template <class Policy>
void Buddy::remove(Policy& policy, Page& page, Order order) {
  policy.remove(page, order);
  page.set_interior();
  --blocks_[order.value()];
  free_pages_ -= order.pages();
}

void Buddy::add_free_range(Pfn start, Pfn end) {
  DCHECK_LE(start_, start);
  DCHECK_LE(end, end_);
  // From the top down, so that the lowest block ends up at the head of its list.
  while (start < end) {
    const uint64_t last = end.value();
    const unsigned aligned =
        last == 0 ? Order::kMax : static_cast<unsigned>(std::countr_zero(last));
    const unsigned fitting = ilog2((end - start).value());
    const Order order(std::min({aligned, fitting, Order::kMax}));
    end = end - order.pages();
    put(memmap_.page(end), order);
  }
}

Page* Buddy::take(Order wanted) {
  DCHECK(wanted.valid());
  return std::visit([&](auto& policy) { return take_from(policy, wanted); }, policy_);
}

template <class Policy>
Page* Buddy::take_from(Policy& policy, Order wanted) {
  Order order;
  Page* page = policy.choose(wanted, order);
  DCHECK((page != nullptr) == has_block(wanted));
  if (page == nullptr) return nullptr;
  remove(policy, *page, order);
  // Keep the lower half, give the upper one back, until the block is as small as wanted.
  while (order > wanted) {
    order = order.lower();
    insert(policy, memmap_.page(memmap_.pfn_of(*page) + order.pages()), order);
  }
  return page;
}

Page* Buddy::free_buddy(Pfn pfn, Order order) const {
  const Pfn buddy = buddy_of(pfn, order);
  if (buddy < start_ || buddy + order.pages() > end_) return nullptr;
  Page& page = memmap_.page(buddy);
  return page.is_buddy(order) ? &page : nullptr;
}

void Buddy::put(Page& page, Order order) {
  std::visit([&](auto& policy) { put_into(policy, page, order); }, policy_);
}

template <class Policy>
void Buddy::put_into(Policy& policy, Page& page, Order order) {
  Pfn pfn = memmap_.pfn_of(page);
  DCHECK(is_block_aligned(pfn, order));
  page.set_interior();
  for (; order < kMaxOrder; order = order.higher()) {
    Page* buddy = free_buddy(pfn, order);
    if (buddy == nullptr) break;
    remove(policy, *buddy, order);
    pfn = std::min(pfn, memmap_.pfn_of(*buddy));
  }
  insert(policy, memmap_.page(pfn), order);
}

bool Buddy::has_block(Order order) const {
  for (; order.valid(); order = order.higher()) {
    if (free_blocks(order) != 0) return true;
  }
  return false;
}

size_t Buddy::count_faults() const {
  size_t faults = 0;
  PageCount listed{0};
  for (Order order(0); order.valid(); order = order.higher()) {
    uint64_t blocks = 0;
    const auto visit_block = [&](const Page& page) {
      const Pfn pfn = memmap_.pfn_of(page);
      const bool in_range = pfn >= start_ && pfn + order.pages() <= end_;
      const bool mergeable = order < kMaxOrder && free_buddy(pfn, order) != nullptr;
      if (!page.is_buddy(order) || !is_block_aligned(pfn, order) || !in_range || mergeable) {
        ++faults;
      }
      ++blocks;
      listed += order.pages();
    };
    std::visit([&](const auto& policy) { policy.for_each(order, visit_block); }, policy_);
    if (blocks != blocks_[order.value()]) ++faults;
  }
  if (listed != free_pages_) ++faults;
  return faults;
}

}  // namespace ring3::mm
