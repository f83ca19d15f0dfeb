#include "mm/pages/buddy.h"

#include <algorithm>
#include <bit>

namespace ring3::mm {

void Buddy::insert(Page& page, Order order) {
  FreeArea& area = areas_[order.value()];
  page.set_head(PageState::kBuddy, order);
  area.list.push_front(page);
  ++area.blocks;
  free_pages_ += order.pages();
}

void Buddy::remove(Page& page, Order order) {
  FreeArea& area = areas_[order.value()];
  area.list.remove(page);
  page.set_interior();
  --area.blocks;
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
  for (Order order = wanted; order.valid(); order = order.higher()) {
    Page* page = areas_[order.value()].list.front();
    if (page == nullptr) continue;
    remove(*page, order);
    // Keep the lower half, give the upper one back, until the block is as small as wanted.
    while (order > wanted) {
      order = order.lower();
      insert(memmap_.page(memmap_.pfn_of(*page) + order.pages()), order);
    }
    return page;
  }
  DCHECK(!has_block(wanted));
  return nullptr;
}

Page* Buddy::free_buddy(Pfn pfn, Order order) const {
  const Pfn buddy = buddy_of(pfn, order);
  if (buddy < start_ || buddy + order.pages() > end_) return nullptr;
  Page& page = memmap_.page(buddy);
  return page.is_buddy(order) ? &page : nullptr;
}

void Buddy::put(Page& page, Order order) {
  Pfn pfn = memmap_.pfn_of(page);
  DCHECK(is_block_aligned(pfn, order));
  page.set_interior();
  for (; order < kMaxOrder; order = order.higher()) {
    Page* buddy = free_buddy(pfn, order);
    if (buddy == nullptr) break;
    remove(*buddy, order);
    pfn = std::min(pfn, memmap_.pfn_of(*buddy));
  }
  insert(memmap_.page(pfn), order);
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
    const FreeArea& area = areas_[order.value()];
    uint64_t blocks = 0;
    for (const Page& page : area.list) {
      const Pfn pfn = memmap_.pfn_of(page);
      const bool in_range = pfn >= start_ && pfn + order.pages() <= end_;
      const bool mergeable = order < kMaxOrder && free_buddy(pfn, order) != nullptr;
      if (!page.is_buddy(order) || !is_block_aligned(pfn, order) || !in_range || mergeable) {
        ++faults;
      }
      ++blocks;
      listed += order.pages();
    }
    if (blocks != area.blocks) ++faults;
  }
  if (listed != free_pages_) ++faults;
  return faults;
}

}  // namespace ring3::mm
