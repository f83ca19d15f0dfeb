// Blocks that live as long as somebody has a reference to them.
//
// `refs` is 0 but between a hand-out and the last put, so a get can only succeed while the block
// is there, and from then on it stays: who frees a block is who takes `refs` from 1 to 0. Acquire
// on a get, and release on a put with an acquire on the last: whoever gives the block back comes
// after all that its users did.

#include "lib/stack_trace.h"
#include "mm/pages/page_alloc.h"

namespace ring3::mm {

Page* PageAllocator::alloc_shared_pages(Gfp gfp, Order order) {
  return alloc_owned_pages(gfp, order, PageOwner::kShared, RING3_CALL_SITE());
}

bool PageAllocator::get_page_unless_zero(Page& page) {
  uint32_t refs = page.refs.load(std::memory_order_relaxed);
  while (refs != 0) {
    if (page.refs.compare_exchange_weak(refs, refs + 1, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void PageAllocator::put_page(Page& page) { put_reference(page, RING3_CALL_SITE()); }

void PageAllocator::put_reference(Page& page, uintptr_t caller) {
  uint32_t refs = page.refs.load(std::memory_order_relaxed);
  do {
    if (refs == 0) {
      reports_.report([&] {
        return bad_page_report(PageMisuse::kNoReference, memmap_, owners(), page, Order(0), caller);
      });
      return;
    }
  } while (!page.refs.compare_exchange_weak(refs, refs - 1, std::memory_order_acq_rel,
                                            std::memory_order_relaxed));
  if (refs != 1) return;
  const Pfn pfn = memmap_.pfn_of(page);
  const Order order = memmap_.state(pfn).order();
  memmap_.set_state(pfn, FrameState::pcp(order));
  release(pfn, order, caller);
}

// Who allocated a block has a reference still, so its state is his to change, and nobody else knows
// of its other pages. Of two who free it at once, one changes the state.
void PageAllocator::free_shared(Page& page, Order order, uintptr_t caller) {
  const Pfn pfn = memmap_.pfn_of(page);
  const FrameState state = memmap_.state(pfn);
  const bool alone = page.refs.load(std::memory_order_relaxed) == 1;
  if (order != Order(0) && !alone && !state.compound()) {
    constexpr FrameState kFirst = FrameState::allocated(Order(0), PageOwner::kShared);
    if (!memmap_.change_state(pfn, state, kFirst)) {
      report_free(page, order, PageOwner::kShared, caller);
      return;
    }
    if (owners_) owners_->split(pfn, order, pfn, Order(0));
    for (Order size = order; size != Order(0);) {
      size = size.lower();
      release_part(pfn, order, pfn + size.pages(), size, caller);
    }
  }
  put_reference(page, caller);
}

}  // namespace ring3::mm
