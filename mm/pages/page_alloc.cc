#include "mm/pages/page_alloc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lib/cpu/task.h"
#include "lib/stack_trace.h"
#include "lib/tracepoint.h"

namespace ring3::mm {
namespace {

void make_compound(Page& head, Order order) {
  Page* pages = &head;
  for (uint64_t i = 1; i < order.pages().value(); ++i) {
    pages[i].compound_head.store(&head, std::memory_order_relaxed);
    pages[i].caller.store(0, std::memory_order_relaxed);  // the head's, from now on
  }
}

void dissolve_compound(Page& head, Order order) {
  Page* pages = &head;
  if (order == Order(0) || pages[1].compound_head.load(std::memory_order_relaxed) == nullptr) {
    return;
  }
  for (uint64_t i = 1; i < order.pages().value(); ++i) {
    pages[i].compound_head.store(nullptr, std::memory_order_relaxed);
  }
}

}  // namespace

Result<std::unique_ptr<PageAllocator>> PageAllocator::create(const PageAllocatorConfig& config) {
  const size_t size = config.size_bytes;
  if (size == 0 || size > kMaxArenaBytes || size % kArenaGranule != 0) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("an arena of {} bytes is not possible; use a multiple of {} from {} "
                             "to {}",
                             size, kArenaGranule, kArenaGranule, kMaxArenaBytes)};
  }
  Result<os::Reservation> arena = os::reserve(
      size, kArenaGranule, config.mappable ? os::Sharing::kShared : os::Sharing::kPrivate);
  if (!arena) return arena.error();
  Result<os::Reservation> pages = os::reserve(size / kPageSize * sizeof(Page), alignof(Page));
  if (!pages) return pages.error();
  Result<PerCpuCounters> events = PageEvents::create_counters(*config.topology);
  if (!events) return events.error();

  std::unique_ptr<PageAllocator> allocator(
      new PageAllocator(std::move(*arena), std::move(*pages), std::move(*events), config));
  Result<Node> node = Node::create(allocator->memmap_, config.lockdep, *config.topology,
                                   config.policy, allocator->events_);
  if (!node) return node.error();
  allocator->node_.emplace(std::move(*node));
  return allocator;
}

PageAllocator::PageAllocator(os::Reservation arena, os::Reservation pages, PerCpuCounters events,
                             const PageAllocatorConfig& config)
    : arena_(std::move(arena)),
      pages_(std::move(pages)),
      memmap_(arena_.base(), reinterpret_cast<Page*>(pages_.base()),
              PageCount(config.size_bytes / kPageSize)),
      mappable_(config.mappable),
      events_(std::move(events)),
      reports_(*config.reports) {}

Page* PageAllocator::take_from_zonelist(Gfp gfp, Order order, ZoneType highest) {
  Page* page = node_->take(order, highest,
                           [](const Zone& zone) { return std::optional(zone.watermarks().low); });
  return page != nullptr ? page : take_slow(gfp, order, highest);
}

// Under the low watermark in every zone, or in pieces that are too small:
// 1. the request may go down to the min mark, less what its flags open of the reserve;
// 2. if it may wait, the pages that lie idle on CPUs' lists go back, where they count and merge;
// 3. if it must not fail, no mark stops it.
Page* PageAllocator::take_slow(Gfp asked, Order order, ZoneType highest) {
  const Gfp gfp = gfp_in_scope(asked, Task::current().alloc_scope());
  const auto min_mark = [gfp](const Zone& zone) {
    return min_mark_for(gfp, zone.watermarks().min);
  };
  Page* page = node_->take(order, highest, min_mark);
  if (page == nullptr && gfp.any(kGfpFlagDirectReclaim)) {
    drain_all();
    page = node_->take(order, highest, min_mark);
  }
  if (page == nullptr && gfp.any(kGfpFlagNofail)) {
    page = node_->take(order, highest, [](const Zone&) { return std::optional<PageCount>(); });
  }
  return page;
}

void PageAllocator::prepare(Page& page, Gfp gfp, Order order, PageOwner owner, uintptr_t caller) {
  page.caller.store(caller, std::memory_order_relaxed);
  if (owner != PageOwner::kNobody) page.clear_owner_words();
  if (order > Order(0) && gfp.any(kGfpFlagComp)) make_compound(page, order);
  if (gfp.any(kGfpFlagZero)) std::memset(memmap_.address_of(page), 0, order.bytes());
  // Last: until then whoever frees it frees it twice.
  page.set_head(PageState::kAllocated, order, owner);
}

Page* PageAllocator::alloc_pages(Gfp gfp, Order order) {
  return alloc_owned_pages(gfp, order, PageOwner::kNobody, RING3_CALL_SITE());
}

Page* PageAllocator::alloc_owned_pages(Gfp gfp, Order order, PageOwner owner, uintptr_t caller) {
  if (const auto misuse = misuse_of_request(gfp, order)) [[unlikely]] {
    reports_.report([&] { return bad_request_report(*misuse, gfp, order, caller); });
    return nullptr;
  }
  Page* page = nullptr;
  if (gfp.any(kGfpFlagNofail) || !fail_page_alloc_.should_fail(order.bytes())) [[likely]] {
    page = take_from_zonelist(gfp, order, *highest_zone(gfp));
  }
  if (page == nullptr) [[unlikely]] {
    events_.add(PageEvent::kAllocFailure);
    return nullptr;
  }
  prepare(*page, gfp, order, owner, caller);
  RING3_TRACE4(mm_page_alloc, memmap_.pfn_of(*page).value(), order.value(), gfp.bits(),
               static_cast<unsigned>(migratetype_of(gfp)));
  return page;
}

void PageAllocator::free_pages(Page* page, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (page == nullptr) [[unlikely]]
    return;
  if (!memmap_.contains(page)) [[unlikely]] {
    reports_.report([&] { return bad_address_report(memmap_, page, order, caller); });
    return;
  }
  free_owned_pages(*page, order, PageOwner::kNobody, caller);
}

void PageAllocator::free_pages_at(void* address, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (address == nullptr) return;
  Page* page = memmap_.page_of(address);
  if (page == nullptr) {
    reports_.report([&] { return bad_address_report(memmap_, address, order, caller); });
  } else if (!is_aligned(reinterpret_cast<uintptr_t>(address), kPageSize)) {
    reports_.report(
        [&] { return bad_page_report(PageMisuse::kNotAligned, memmap_, *page, order, caller); });
  } else {
    free_owned_pages(*page, order, PageOwner::kNobody, caller);
  }
}

bool PageAllocator::free_owned_pages(Page& page, Order order, PageOwner owner, uintptr_t caller) {
  // The order is anybody's number until it has been looked at; then one step decides whose the
  // block is.
  if (!order.valid() || !page.claim(order, owner)) [[unlikely]] {
    const PageMisuse misuse = misuse_of_free(memmap_, page, order, owner);
    reports_.report([&] { return bad_page_report(misuse, memmap_, page, order, caller); });
    return false;
  }
  const Pfn pfn = memmap_.pfn_of(page);
  page.caller.store(caller, std::memory_order_relaxed);
  dissolve_compound(page, order);
  RING3_TRACE2(mm_page_free, pfn.value(), order.value());
  node_->zone_of(pfn).put(page, order);
  return true;
}

void PageAllocator::split_pages(Page* page, Order order, Order to) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (!memmap_.contains(page)) {
    reports_.report([&] { return bad_address_report(memmap_, page, order, caller); });
    return;
  }
  const bool smaller = to < order;
  if (!smaller || !order.valid() || !page->claim(order, PageOwner::kNobody)) {
    const PageMisuse misuse = smaller ? misuse_of_free(memmap_, *page, order, PageOwner::kNobody)
                                      : PageMisuse::kWrongOrder;
    reports_.report([&] { return bad_page_report(misuse, memmap_, *page, order, caller); });
    return;
  }
  // Ours alone until the heads say that they are allocated, each by itself.
  dissolve_compound(*page, order);
  for (Page* piece = page; piece < page + order.pages().value(); piece += to.pages().value()) {
    piece->caller.store(caller, std::memory_order_relaxed);
    piece->set_head(PageState::kAllocated, to);
  }
}

void PageAllocator::drain_all() {
  node_->for_each_zone([](Zone& zone) { zone.drain_all(); });
}

void PageAllocator::cpu_dead(unsigned cpu) {
  node_->for_each_zone([cpu](Zone& zone) { zone.drain_cpu(cpu); });
}

void PageAllocator::cpu_online(unsigned cpu) {
  node_->for_each_zone([cpu](Zone& zone) { zone.bring_up_cpu(cpu); });
}

// Single pages that came from a CPU's list, and those that a free put there, are counted by the
// list.
uint64_t PageAllocator::count_of(PageEvent event) const {
  uint64_t count = events_.sum(event);
  if (event == PageEvent::kMmPageAlloc) count += node_->pcp_counts().pops;
  if (event == PageEvent::kMmPageFree) {
    count += node_->pcp_counts().pushes() - events_.sum(PageEvent::kPcpRefill);
  }
  return count;
}

PageCount PageAllocator::report_leaks() {
  constexpr int kReportedInFull = 8;
  PageCount leaked{0};
  int reported = 0;
  for_each_allocated_block([&](const Page& page) {
    if (page.owner() != PageOwner::kNobody) return true;
    leaked += page.order().pages();
    if (reported++ < kReportedInFull) {
      reports_.report_always(bad_page_report(PageMisuse::kLeaked, memmap_, page, page.order(), 0));
    }
    return true;
  });
  if (leaked != PageCount(0)) {
    reports_.report_always(
        fmt::format("BUG: {} pages still allocated when their arena was closed\n", leaked.value()));
  }
  return leaked;
}

}  // namespace ring3::mm
