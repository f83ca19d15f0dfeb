#include "mm/pages/page_alloc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lib/cpu/task.h"
#include "lib/stack_trace.h"
#include "lib/tracepoint.h"

namespace ring3::mm {
namespace {

// The highest zone by a request's zone modifiers and kinds, its five lowest bits; kNoZone when they
// contradict each other.
constexpr uint8_t kNoZone = 0xff;
constexpr unsigned kZoneBits = 32;
constexpr std::array<uint8_t, kZoneBits> kHighestZone = [] {
  std::array<uint8_t, kZoneBits> zones{};
  for (uint32_t bits = 0; bits < kZoneBits; ++bits) {
    const std::optional<ZoneType> zone = highest_zone(Gfp(bits));
    zones[bits] = zone && !has_two_migratetypes(Gfp(bits)) ? static_cast<uint8_t>(*zone) : kNoZone;
  }
  return zones;
}();
static_assert((kGfpFlagDma | kGfpFlagHighmem | kGfpFlagDma32 | kGfpFlagMovable |
               kGfpFlagReclaimable) == Gfp(kZoneBits - 1));

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
  Result<os::Reservation> states = os::reserve(size / kPageSize, alignof(Page));
  if (!states) return states.error();
  Result<PerCpuCounters> events = PageEvents::create_counters(*config.topology);
  if (!events) return events.error();

  std::unique_ptr<PageAllocator> allocator(new PageAllocator(
      std::move(*arena), std::move(*pages), std::move(*states), std::move(*events), config));
  Result<Node> node = Node::create(allocator->memmap_, *config.policy, *config.topology,
                                   config.lockdep, allocator->events_, allocator->reports_);
  if (!node) return node.error();
  allocator->node_.emplace(std::move(*node));
  return allocator;
}

PageAllocator::PageAllocator(os::Reservation arena, os::Reservation pages, os::Reservation states,
                             PerCpuCounters events, const PageAllocatorConfig& config)
    : arena_(std::move(arena)),
      pages_(std::move(pages)),
      states_(std::move(states)),
      memmap_(arena_.base(), reinterpret_cast<Page*>(pages_.base()),
              reinterpret_cast<Atomic<uint8_t>*>(states_.base()),
              PageCount(config.size_bytes / kPageSize)),
      mappable_(config.mappable),
      page_owner_(config.page_owner),
      events_(std::move(events)),
      reports_(*config.reports) {}

// This CPU's list of the highest zone has no block:
// 1. the zones are asked, down to their low watermarks;
// 2. under those in every zone, or in pieces that are too small, the request may go down to the min
//    mark, less what its flags open of the reserve;
// 3. if it may wait, the blocks that lie idle on CPUs' lists go back, where they count and merge;
// 4. if it must not fail, no mark stops it.
bool PageAllocator::take_slow(Gfp asked, Order order, ZoneType highest, Frame& head) {
  const auto low_mark = [](const Zone& zone) { return std::optional(zone.watermarks().low); };
  if (node_->take(order, highest, low_mark, head)) return true;
  const Gfp gfp = gfp_in_scope(asked, Task::current().alloc_scope());
  const auto min_mark = [gfp](const Zone& zone) {
    return min_mark_for(gfp, zone.watermarks().min);
  };
  if (node_->take(order, highest, min_mark, head)) return true;
  if (gfp.any(kGfpFlagDirectReclaim) && drain_all() &&
      node_->take(order, highest, min_mark, head)) {
    return true;
  }
  return gfp.any(kGfpFlagNofail) &&
         node_->take(
             order, highest, [](const Zone&) { return std::optional<PageCount>(); }, head);
}

void PageAllocator::prepare(Page& page, Gfp gfp, Order order, PageOwner owner, uintptr_t caller) {
  if (page_owner_) [[unlikely]]
    page.caller.store(caller, std::memory_order_relaxed);
  if (owner != PageOwner::kNobody) page.clear_owner_words();
  if (gfp.any(kGfpFlagZero)) std::memset(memmap_.address_of(page), 0, order.bytes());
  // Last: until then whoever frees it frees it twice.
  const bool compound = order > Order(0) && gfp.any(kGfpFlagComp);
  memmap_.set_state(memmap_.pfn_of(page), FrameState::allocated(order, owner, compound));
}

Page* PageAllocator::alloc_pages(Gfp gfp, Order order) {
  return alloc_owned_pages(gfp, order, PageOwner::kNobody, RING3_CALL_SITE());
}

Page* PageAllocator::alloc_owned_pages(Gfp gfp, Order order, PageOwner owner, uintptr_t caller) {
  const uint8_t highest = kHighestZone[gfp.bits() % kZoneBits];
  if (!order.valid() || highest == kNoZone) [[unlikely]] {
    const PageMisuse misuse = misuse_of_request(gfp, order);
    reports_.report([&] { return bad_request_report(misuse, gfp, order, caller); });
    return nullptr;
  }
  const auto zone = static_cast<ZoneType>(highest);
  const bool refused = !gfp.any(kGfpFlagNofail) && fail_page_alloc_.should_fail(order.bytes());
  Frame head;
  if (refused || (!node_->take_cached(order, zone, head) && !take_slow(gfp, order, zone, head)))
      [[unlikely]] {
    events_.add(PageEvent::kAllocFailure);
    return nullptr;
  }
  Page& page = memmap_.page(Pfn(head));
  prepare(page, gfp, order, owner, caller);
  RING3_TRACE4(mm_page_alloc, head, order.value(), gfp.bits(),
               static_cast<unsigned>(migratetype_of(gfp)));
  return &page;
}

void PageAllocator::free_pages(Page* page, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (page == nullptr) [[unlikely]]
    return;
  if (!memmap_.contains(page)) [[unlikely]] {
    reports_.report([&] { return bad_address_report(memmap_, page, order, caller); });
    return;
  }
  free_block(*page, order, caller);
}

// No locked instruction: a look, and a store. Of two that look before either stores, both go on;
// the block's ticket is one all the same (Zone).
void PageAllocator::free_block(Page& page, Order order, uintptr_t caller) {
  const Pfn pfn = memmap_.pfn_of(page);
  if (!order.valid() || !memmap_.state(pfn).is_allocated(order, PageOwner::kNobody)) [[unlikely]] {
    report_free(page, order, PageOwner::kNobody, caller);
    return;
  }
  memmap_.set_state(pfn, FrameState::pcp(order));
  give_back(pfn, order, caller);
}

// The order is anybody's number until it has been looked at.
bool PageAllocator::free_owned_pages(Page& page, Order order, PageOwner owner, uintptr_t caller) {
  const Pfn pfn = memmap_.pfn_of(page);
  if (!order.valid() || !memmap_.claim(pfn, order, owner)) [[unlikely]] {
    report_free(page, order, owner, caller);
    return false;
  }
  give_back(pfn, order, caller);
  return true;
}

void PageAllocator::give_back(Pfn pfn, Order order, uintptr_t caller) {
  if (page_owner_) [[unlikely]]
    memmap_.page(pfn).caller.store(caller, std::memory_order_relaxed);
  RING3_TRACE2(mm_page_free, pfn.value(), order.value());
  const auto head = static_cast<Frame>(pfn.value());
  node_->zone_of(head).put(head, order);
}

void PageAllocator::report_free(const Page& page, Order order, PageOwner owner, uintptr_t caller) {
  const PageMisuse misuse = misuse_of_free(memmap_, page, order, owner);
  reports_.report([&] { return bad_page_report(misuse, memmap_, page, order, caller); });
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
    free_block(*page, order, caller);
  }
}

void PageAllocator::split_pages(Page* page, Order order, Order to) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (!memmap_.contains(page)) {
    reports_.report([&] { return bad_address_report(memmap_, page, order, caller); });
    return;
  }
  const Pfn pfn = memmap_.pfn_of(*page);
  const bool smaller = to < order;
  if (!smaller || !order.valid() || !memmap_.claim(pfn, order, PageOwner::kNobody)) {
    const PageMisuse misuse = smaller ? misuse_of_free(memmap_, *page, order, PageOwner::kNobody)
                                      : PageMisuse::kWrongOrder;
    reports_.report([&] { return bad_page_report(misuse, memmap_, *page, order, caller); });
    return;
  }
  // Ours alone until the heads say that they are allocated, each by itself.
  for (Pfn piece = pfn; piece < pfn + order.pages(); piece = piece + to.pages()) {
    if (page_owner_) memmap_.page(piece).caller.store(caller, std::memory_order_relaxed);
    memmap_.set_state(piece, FrameState::allocated(to));
  }
}

bool PageAllocator::drain_all() {
  bool drained = false;
  node_->for_each_zone([&](Zone& zone) { drained |= zone.drain_all(); });
  return drained;
}

void PageAllocator::cpu_dead(unsigned cpu) {
  node_->for_each_zone([cpu](Zone& zone) { zone.drain_cpu(cpu); });
}

void PageAllocator::cpu_online(unsigned cpu) {
  node_->for_each_zone([cpu](Zone& zone) { zone.bring_up_cpu(cpu); });
}

// Blocks that came from a CPU's list, and those that a free put there, are counted by the list; of
// what was freed twice at once, the second is neither.
uint64_t PageAllocator::count_of(PageEvent event) const {
  uint64_t count = events_.sum(event);
  if (event == PageEvent::kMmPageAlloc) {
    count += node_->pcp_counts().pops - events_.sum(PageEvent::kFreedTwiceOnAlloc);
  }
  if (event == PageEvent::kMmPageFree) {
    count += node_->pcp_counts().pushes() - events_.sum(PageEvent::kPcpRefill) -
             events_.sum(PageEvent::kFreedTwice);
  }
  return count;
}

PageCount PageAllocator::report_leaks() {
  constexpr int kReportedInFull = 8;
  PageCount leaked{0};
  int reported = 0;
  for_each_allocated_block([&](const Page& page, FrameState state) {
    if (state.owner() != PageOwner::kNobody) return true;
    leaked += state.order().pages();
    if (reported++ < kReportedInFull) {
      reports_.report_always(bad_page_report(PageMisuse::kLeaked, memmap_, page, state.order(), 0));
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
