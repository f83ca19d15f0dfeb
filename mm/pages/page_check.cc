#include "mm/pages/page_check.h"

namespace ring3::mm {

const Page* block_of(const Memmap& memmap, const Page& page) {
  const Pfn pfn = memmap.pfn_of(page);
  for (Order order(0); order.valid(); order = order.higher()) {
    const Page& head = memmap.page(Pfn(align_down(pfn.value(), order.pages().value())));
    if (head.state() != PageState::kInterior && head.order() >= order) return &head;
  }
  return nullptr;
}

PageMisuse misuse_of_free(const Memmap& memmap, const Page& page, Order order, PageOwner owner) {
  if (!order.valid()) return PageMisuse::kOrderTooLarge;
  const Page* block = block_of(memmap, page);
  if (block == nullptr || block->state() != PageState::kAllocated) return PageMisuse::kDoubleFree;
  if (block != &page) return PageMisuse::kNotHead;
  if (page.order() != order) return PageMisuse::kWrongOrder;
  return page.owner() != owner ? PageMisuse::kStillOwned : PageMisuse::kDoubleFree;
}

}  // namespace ring3::mm
