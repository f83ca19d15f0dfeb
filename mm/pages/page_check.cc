#include "mm/pages/page_check.h"

namespace ring3::mm {

PageMisuse misuse_of_free(const Memmap& memmap, const Page& page, Order order, PageOwner owner) {
  if (!order.valid()) return PageMisuse::kOrderTooLarge;
  const Pfn head = memmap.head_of(memmap.pfn_of(page));
  const FrameState state = memmap.state(head);
  if (state.kind() != PageState::kAllocated) return PageMisuse::kDoubleFree;
  if (head != memmap.pfn_of(page)) return PageMisuse::kNotHead;
  if (state.order() != order) return PageMisuse::kWrongOrder;
  return state.owner() != owner ? PageMisuse::kStillOwned : PageMisuse::kDoubleFree;
}

}  // namespace ring3::mm
