// Pages by the number: bulk, exact, and blocks that are cut up.

#include <algorithm>
#include <array>
#include <bit>

#include "lib/stack_trace.h"
#include "mm/pages/page_alloc.h"

namespace ring3::mm {

size_t PageAllocator::alloc_pages_bulk(Gfp gfp, std::span<Page*> pages) {
  const uintptr_t caller = RING3_CALL_SITE();
  constexpr Order kSingle(0);
  constexpr size_t kMostAtOnce = 256;
  size_t at = 0;
  const auto skip_filled = [&] {
    while (at < pages.size() && pages[at] != nullptr) ++at;
  };
  skip_filled();
  if (at == pages.size() || !admit(gfp, kSingle, caller)) return at;

  const auto mark = [](const Zone& zone) { return std::optional(zone.watermarks().low); };
  auto wanted = static_cast<size_t>(std::ranges::count(pages.subspan(at), nullptr));
  const bool many = wanted > 1;
  const Nodes::Target target = nodes_->target_of(gfp);
  const size_t first = at;
  while (many && wanted != 0) {
    std::array<Frame, kMostAtOnce> taken;
    const size_t count =
        nodes_->take_bulk(migratetype_of(gfp), nodes_->highest_of(gfp), target, mark, wanted,
                          std::span(taken).first(std::min(wanted, kMostAtOnce)));
    if (count == 0) break;
    wanted -= count;
    for (const Frame head : std::span(taken).first(count)) {
      pages[at] = &hand_out(Pfn(head), kSingle, gfp, PageOwner::kNobody, caller);
      skip_filled();
    }
  }
  if (at == first) {
    pages[at] = alloc_admitted(gfp, kSingle, target, PageOwner::kNobody, caller);
    skip_filled();
  }
  return at;
}

void* PageAllocator::alloc_pages_exact(size_t bytes, Gfp gfp) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (bytes == 0) return nullptr;
  const Order order = Order::for_bytes(bytes);
  Page* page =
      alloc_owned_pages(gfp - (kGfpFlagComp | kGfpFlagHighmem), order, PageOwner::kNobody, caller);
  if (page == nullptr) return nullptr;
  const Pfn head = memmap_.pfn_of(*page);
  cut(head, order, Order(0), head + PageCount(div_round_up(bytes, kPageSize)), caller);
  return memmap_.address_of(*page);
}

void PageAllocator::free_pages_exact(void* address, size_t bytes) {
  auto* at = static_cast<std::byte*>(address);
  if (at == nullptr) return;
  for (size_t page = 0; page < div_round_up(bytes, kPageSize); ++page) {
    free_pages_at(at + page * kPageSize, Order(0));
  }
}

void PageAllocator::split_pages(Page* page, Order order, Order to) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (!memmap_.contains(page)) {
    report_address(page, order, caller);
    return;
  }
  const Pfn pfn = memmap_.pfn_of(*page);
  const bool smaller = to < order;
  if (!smaller || !order.valid() || !memmap_.claim(pfn, order, PageOwner::kNobody)) {
    const PageMisuse misuse = smaller ? misuse_of_free(memmap_, *page, order, PageOwner::kNobody)
                                      : PageMisuse::kWrongOrder;
    reports_.report(
        [&] { return bad_page_report(misuse, memmap_, owners(), *page, order, caller); });
    return;
  }
  cut(pfn, order, to, pfn + order.pages(), caller);
}

// Ours alone until the heads say what they are, each by itself.
void PageAllocator::cut(Pfn head, Order order, Order to, Pfn end, uintptr_t caller) {
  for (Pfn piece = head; piece < end; piece = piece + to.pages()) {
    if (owners_) owners_->split(head, order, piece, to);
    memmap_.set_state(piece, FrameState::allocated(to));
  }
  for (Pfn piece = end; piece < head + order.pages();) {
    const Order size(static_cast<unsigned>(std::countr_zero(piece.value())));
    release_part(head, order, piece, size, caller);
    piece = piece + size.pages();
  }
}

void PageAllocator::release_part(Pfn head, Order order, Pfn part, Order part_order,
                                 uintptr_t caller) {
  if (owners_) owners_->split(head, order, part, part_order);
  memmap_.set_state(part, FrameState::pcp(part_order));
  release(part, part_order, caller);
}

}  // namespace ring3::mm
