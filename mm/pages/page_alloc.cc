#include "mm/pages/page_alloc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lib/cpu/task.h"
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

// What is wrong with a request whatever the state of memory.
std::optional<PageMisuse> misuse_of_request(Gfp gfp, Order order) {
  if (!order.valid()) return PageMisuse::kOrderTooLarge;
  if (!highest_zone(gfp)) return PageMisuse::kConflictingZones;
  if (has_two_migratetypes(gfp)) return PageMisuse::kConflictingTypes;
  return std::nullopt;
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
  Result<PerCpuCounters> events = PageEvents::create_counters(*config.topology);
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
                                 .lockdep = config.lockdep,
                                 .topology = config.topology},
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
// 1. the request may go down to the min mark, less what its flags open of the reserve;
// 2. if it may wait, the pages that lie idle on CPUs' lists go back, where they count and merge;
// 3. if it must not fail, no mark stops it.
Page* PageAllocator::take_slow(Gfp asked, Order order, ZoneType highest) {
  const Gfp gfp = gfp_in_scope(asked, Task::current().alloc_scope());
  const auto min_mark = [gfp](const Zone& zone) {
    return min_mark_for(gfp, zone.watermarks().min);
  };
  Page* page = walk_zonelist(order, highest, min_mark);
  if (page == nullptr && gfp.any(kGfpFlagDirectReclaim)) {
    drain_all();
    page = walk_zonelist(order, highest, min_mark);
  }
  if (page == nullptr && gfp.any(kGfpFlagNofail)) {
    page = walk_zonelist(order, highest, [](const Zone&) { return std::optional<PageCount>(); });
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
    const PageMisuse misuse = diagnose_free(page, order, owner);
    reports_.report([&] { return bad_page_report(misuse, memmap_, page, order, caller); });
    return false;
  }
  const Pfn pfn = memmap_.pfn_of(page);
  page.caller.store(caller, std::memory_order_relaxed);
  dissolve_compound(page, order);
  RING3_TRACE2(mm_page_free, pfn.value(), order.value());
  zone_of(pfn).put(page, order);
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
    const PageMisuse misuse =
        smaller ? diagnose_free(*page, order, PageOwner::kNobody) : PageMisuse::kWrongOrder;
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

// Why `page` could not be claimed. By now another thread may have changed it: a block that looks
// right was free a moment ago.
PageMisuse PageAllocator::diagnose_free(const Page& page, Order order, PageOwner owner) const {
  if (!order.valid()) return PageMisuse::kOrderTooLarge;
  const Page* block = block_of(memmap_, page);
  if (block == nullptr || block->state() != PageState::kAllocated) return PageMisuse::kDoubleFree;
  if (block != &page) return PageMisuse::kNotHead;
  if (page.order() != order) return PageMisuse::kWrongOrder;
  return page.owner() != owner ? PageMisuse::kStillOwned : PageMisuse::kDoubleFree;
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

void PageAllocator::cpu_dead(unsigned cpu) {
  for (const auto& zone : zones_) {
    if (zone != nullptr) zone->drain_cpu(cpu);
  }
}

void PageAllocator::cpu_online(unsigned cpu) {
  for (const auto& zone : zones_) {
    if (zone != nullptr) zone->bring_up_cpu(cpu);
  }
}

// Single pages that came from a CPU's list, and those that a free put there, are counted by the
// list.
uint64_t PageAllocator::count_of(PageEvent event) const {
  uint64_t count = events_.sum(event);
  for (const auto& zone : zones_) {
    if (zone == nullptr) continue;
    if (event == PageEvent::kMmPageAlloc) count += zone->pcp_counts().pops;
    if (event == PageEvent::kMmPageFree) count += zone->pcp_counts().pushes();
  }
  if (event == PageEvent::kMmPageFree) count -= events_.sum(PageEvent::kPcpRefill);
  return count;
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
