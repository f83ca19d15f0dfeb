#include "mm/pages/page_alloc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lib/stack_trace.h"
#include "lib/tracepoint.h"

namespace ring3::mm {
namespace {

constexpr Pfn kDmaEnd{(uint64_t{16} << 20) / kPageSize};
constexpr Pfn kDma32End{(uint64_t{4} << 30) / kPageSize};

// The first frame of each zone, and the end of the last.
std::array<Pfn, kZones + 1> zone_borders(PageCount total) {
  const uint64_t granule = kMaxOrder.pages().value();
  const Pfn end = Pfn(0) + total;
  const Pfn movable(align_up(total.value() - total.value() / 4, granule));
  return {Pfn(0), std::min(kDmaEnd, movable), std::min(kDma32End, movable), movable, end};
}

ZonePages zone_sizes(const std::array<Pfn, kZones + 1>& borders) {
  ZonePages sizes;
  for (size_t zone = 0; zone < kZones; ++zone) sizes[zone] = borders[zone + 1] - borders[zone];
  return sizes;
}

void make_compound(Page& head, Order order) {
  Page* pages = &head;
  for (uint64_t i = 1; i < order.pages().value(); ++i) pages[i].compound_head = &head;
}

void dissolve_compound(Page& head, Order order) {
  Page* pages = &head;
  if (order == Order(0) || pages[1].compound_head == nullptr) return;
  for (uint64_t i = 1; i < order.pages().value(); ++i) pages[i].compound_head = nullptr;
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
  Result<os::Reservation> arena = os::reserve(size, kArenaGranule);
  if (!arena) return arena.error();
  Result<os::Reservation> pages = os::reserve(size / kPageSize * sizeof(Page), alignof(Page));
  if (!pages) return pages.error();
  Result<PerCpuCounters> events = PageEvents::create_counters();
  if (!events) return events.error();

  std::unique_ptr<PageAllocator> allocator(
      new PageAllocator(std::move(*arena), std::move(*pages), std::move(*events), config));
  if (Status status = allocator->create_zones(config); !status) return status.error();
  return allocator;
}

PageAllocator::PageAllocator(os::Reservation arena, os::Reservation pages, PerCpuCounters events,
                             const PageAllocatorConfig& config)
    : arena_(std::move(arena)),
      pages_(std::move(pages)),
      memmap_(arena_.base(), reinterpret_cast<Page*>(pages_.base()),
              PageCount(config.size_bytes / kPageSize)),
      events_(std::move(events)),
      reports_(*config.reports) {}

Status PageAllocator::create_zones(const PageAllocatorConfig& config) {
  const auto borders = zone_borders(memmap_.page_count());
  const ZonePages sizes = zone_sizes(borders);
  for (size_t zone = 0; zone < kZones; ++zone) {
    if (sizes[zone] == PageCount(0)) continue;
    auto created = Zone::create(memmap_,
                                {.type = static_cast<ZoneType>(zone),
                                 .start = borders[zone],
                                 .end = borders[zone + 1],
                                 .managed = sizes,
                                 .lockdep = config.lockdep},
                                events_);
    if (!created) return created.error();
    zones_[zone] = std::move(*created);
  }
  return {};
}

// Tries the zones from `highest` down; `mark` gives what must stay free in each, or nothing for no
// watermark.
template <class Mark>
Page* PageAllocator::walk_zonelist(Order order, ZoneType highest, Mark mark) {
  for (size_t i = static_cast<size_t>(highest) + 1; i-- > 0;) {
    Zone* zone = zones_[i].get();
    if (zone == nullptr) continue;
    const std::optional<PageCount> least = mark(*zone);
    if (least && !zone->watermark_ok_racy(order, *least, highest)) continue;
    if (Page* page = zone->take(order)) return page;
  }
  return nullptr;
}

Page* PageAllocator::take_from_zonelist(Gfp gfp, Order order, ZoneType highest) {
  Page* page = walk_zonelist(order, highest,
                             [](const Zone& zone) { return std::optional(zone.watermarks().low); });
  return page != nullptr ? page : take_slow(gfp, order, highest);
}

// Under the low watermark in every zone, or in pieces that are too small:
// 1. pages that lie idle on CPUs' lists go back, where they count and merge;
// 2. then the request may go down to the min mark, less what its flags open of the reserve.
Page* PageAllocator::take_slow(Gfp gfp, Order order, ZoneType highest) {
  drain_all();
  return walk_zonelist(
      order, highest, [gfp](const Zone& zone) { return min_mark_for(gfp, zone.watermarks().min); });
}

void PageAllocator::prepare(Page& page, Gfp gfp, Order order, uintptr_t caller) {
  page.caller.store(caller, std::memory_order_relaxed);
  page.set_head(PageState::kAllocated, order);
  if (order > Order(0) && gfp.any(kGfpFlagComp)) make_compound(page, order);
  if (gfp.any(kGfpFlagZero)) std::memset(memmap_.address_of(page), 0, order.bytes());
}

Page* PageAllocator::alloc_pages(Gfp gfp, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  const std::optional<ZoneType> highest = highest_zone(gfp);
  if (!order.valid() || !highest) [[unlikely]] {
    report(bad_request_report(
        order.valid() ? PageMisuse::kConflictingZones : PageMisuse::kOrderTooLarge, gfp, order,
        caller));
    return nullptr;
  }
  Page* page = nullptr;
  if (gfp.any(kGfpFlagNofail) || !fail_page_alloc_.should_fail(order.bytes())) [[likely]] {
    page = take_from_zonelist(gfp, order, *highest);
  }
  if (page == nullptr) [[unlikely]] {
    events_.add(PageEvent::kAllocFailure);
    return nullptr;
  }
  prepare(*page, gfp, order, caller);
  RING3_TRACE4(mm_page_alloc, memmap_.pfn_of(*page).value(), order.value(), gfp.bits(),
               static_cast<unsigned>(migratetype_of(gfp)));
  events_.add(PageEvent::kMmPageAlloc);
  return page;
}

void PageAllocator::free_pages(Page* page, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  free_checked(memmap_.contains(page) ? page : nullptr, page, order, caller);
}

void PageAllocator::free_pages_at(void* address, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  const bool page_aligned = is_aligned(reinterpret_cast<uintptr_t>(address), kPageSize);
  Page* page = memmap_.page_of(address);
  if (page != nullptr && !page_aligned) {
    report(bad_page_report(PageMisuse::kNotAligned, memmap_, *page, order, caller));
    return;
  }
  free_checked(page, address, order, caller);
}

void PageAllocator::free_checked(Page* page, const void* address, Order order, uintptr_t caller) {
  if (page == nullptr) [[unlikely]] {
    report(bad_address_report(memmap_, address, order, caller));
    return;
  }
  if (!check_free(*page, order, caller)) [[unlikely]]
    return;

  const Pfn pfn = memmap_.pfn_of(*page);
  page->caller.store(caller, std::memory_order_relaxed);
  dissolve_compound(*page, order);
  RING3_TRACE2(mm_page_free, pfn.value(), order.value());
  events_.add(PageEvent::kMmPageFree);
  zone_of(pfn).put(*page, order);
}

// The head of the block that `page` lies in, found by trying every size it could have; null for a
// page of no block. For reports: what it reads may change meanwhile.
const Page* PageAllocator::block_of(const Page& page) const {
  const Pfn pfn = memmap_.pfn_of(page);
  for (Order order(0); order.valid(); order = order.higher()) {
    const Page& head = memmap_.page(Pfn(align_down(pfn.value(), order.pages().value())));
    if (head.state() != PageState::kInterior && head.order() >= order) return &head;
  }
  return nullptr;
}

PageMisuse PageAllocator::diagnose_free(const Page& page, Order order) const {
  if (!order.valid()) return PageMisuse::kOrderTooLarge;
  const Page* block = block_of(page);
  if (block == nullptr || block->state() != PageState::kAllocated) return PageMisuse::kDoubleFree;
  if (block != &page) return PageMisuse::kNotHead;
  if (page.order() != order) return PageMisuse::kWrongOrder;
  return PageMisuse::kStillOwned;
}

bool PageAllocator::check_free(const Page& page, Order order, uintptr_t caller) {
  if (page.is_allocated(order) && page.owner() == PageOwner::kNobody) [[likely]]
    return true;
  report(bad_page_report(diagnose_free(page, order), memmap_, page, order, caller));
  return false;
}

Zone& PageAllocator::zone_of(Pfn pfn) const {
  size_t i = kZones - 1;
  while (zones_[i] == nullptr || pfn < zones_[i]->start()) --i;
  return *zones_[i];
}

void PageAllocator::drain_all() {
  for (const auto& zone : zones_) {
    if (zone != nullptr) zone->drain_all();
  }
}

PageCount PageAllocator::free_pages_count() const {
  PageCount total{0};
  for (const auto& zone : zones_) {
    if (zone != nullptr) total += zone->free_pages() + zone->pcp_pages_racy();
  }
  return total;
}

std::array<uint64_t, kOrders> PageAllocator::free_blocks() const {
  std::array<uint64_t, kOrders> total{};
  for (const auto& zone : zones_) {
    if (zone == nullptr) continue;
    const auto blocks = zone->free_blocks();
    for (size_t order = 0; order < kOrders; ++order) total[order] += blocks[order];
  }
  return total;
}

std::string PageAllocator::buddyinfo() const {
  std::string text;
  for (const auto& zone : zones_) {
    if (zone != nullptr) text += buddyinfo_line(zone->type(), zone->free_blocks());
  }
  return text;
}

size_t PageAllocator::count_faults() const {
  size_t faults = 0;
  for (const auto& zone : zones_) {
    if (zone != nullptr) faults += zone->count_faults();
  }
  return faults;
}

PageCount PageAllocator::report_leaks() {
  constexpr int kReportedInFull = 8;
  const PageCount leaked = allocated_pages();
  if (leaked == PageCount(0)) return leaked;
  int reported = 0;
  for (Pfn pfn(0); memmap_.contains(pfn) && reported < kReportedInFull; pfn = pfn + PageCount(1)) {
    const Page& page = memmap_.page(pfn);
    if (page.state() != PageState::kAllocated) continue;
    report(bad_page_report(PageMisuse::kLeaked, memmap_, page, page.order(), 0));
    ++reported;
  }
  report(
      fmt::format("BUG: {} pages still allocated when their arena was closed\n", leaked.value()));
  return leaked;
}

void PageAllocator::report(const std::string& text) {
  misuses_.fetch_add(1, std::memory_order_relaxed);
  reports_.report(text);
}

uint64_t unusable_free_index(const std::array<uint64_t, kOrders>& free_blocks, Order order) {
  uint64_t free = 0;
  uint64_t usable = 0;
  for (unsigned o = 0; o < kOrders; ++o) {
    const uint64_t pages = free_blocks[o] << o;
    free += pages;
    if (o >= order.value()) usable += pages;
  }
  return free == 0 ? 1000 : (free - usable) * 1000 / free;
}

}  // namespace ring3::mm
