// Requests and frees of whoever may not wait.

#include "lib/stack_trace.h"
#include "lib/tracepoint.h"
#include "mm/pages/page_alloc.h"

namespace ring3::mm {

// Nothing on the way waits: a CPU's list that somebody is at is passed over, and so is a region.
Page* PageAllocator::alloc_pages_nolock(Gfp gfp, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  gfp = (gfp - kGfpFlagReclaim) | kGfpFlagNowarn | kGfpFlagNomemalloc;
  if (misuse_of_request(gfp, order)) return nullptr;
  const Pfn head = nodes_->take_nolock(order, migratetype_of(gfp), nodes_->highest_of(gfp),
                                       nodes_->target_of(gfp));
  if (head == kNoPfn) return nullptr;
  return &hand_out(head, order, gfp, PageOwner::kNobody, caller, false);
}

void PageAllocator::free_pages_nolock(Page* page, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (page == nullptr) return;
  if (!memmap_.contains(page)) {
    report_address(page, order, caller);
    return;
  }
  const Pfn pfn = memmap_.pfn_of(*page);
  if (!order.valid() || !memmap_.claim(pfn, order, PageOwner::kNobody)) {
    report_free(*page, order, PageOwner::kNobody, caller);
    return;
  }
  RING3_TRACE2(mm_page_free, pfn.value(), order.value());
  if (!filling_.any()) hide(pfn, order);
  give_back_otherwise(pfn, order, caller, false);
}

}  // namespace ring3::mm
