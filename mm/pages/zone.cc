#include "mm/pages/zone.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "lib/tracepoint.h"

namespace ring3::mm {
namespace {

constexpr lockdep::LockClassKey kZoneLockKey{"zone->lock"};

// The kernel's zone_batchsize(): a thousandth of the zone, at most 1 MiB, a quarter of that, then
// 2^n - 1, since a power of two makes all CPUs favour the same cache colours.
constexpr uint32_t pcp_batch(PageCount managed) {
  const uint64_t mib = (uint64_t{1} << 20) / kPageSize;
  const uint64_t quarter = std::max<uint64_t>(1, std::min(managed.value() / 1024, mib) / 4);
  return static_cast<uint32_t>(std::max<uint64_t>(1, std::bit_floor(quarter + quarter / 2) - 1));
}

// What fits on a stack.
constexpr uint32_t kMaxBatch = pcp_batch(PageCount(~uint64_t{0}));
static_assert(kMaxBatch <= 64);

// How many pages a CPU keeps: its share of the low watermark, and never less than four batches.
uint32_t pcp_high(const Watermarks& watermarks, uint32_t batch, const Topology& topology) {
  const uint64_t share = watermarks.low.value() / topology.online_count();
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(share, 4 * batch, PerCpuStackBase::kMaxCapacity));
}

}  // namespace

Result<std::unique_ptr<Zone>> Zone::create(const Memmap& memmap, const ZoneConfig& config,
                                           PageEvents& events) {
  const Watermarks watermarks = watermarks_of(config.type, config.managed);
  const uint32_t batch = pcp_batch(config.end - config.start);
  auto pcp =
      PerCpuStack<Page*>::create(pcp_high(watermarks, batch, *config.topology), *config.topology);
  if (!pcp) return pcp.error();
  std::optional<FreeMaps> maps;
  if (config.policy == PagePolicy::kPacked) {
    Result<FreeMaps> made = FreeMaps::create(memmap, config.start, config.end);
    if (!made) return made.error();
    maps.emplace(std::move(*made));
  }
  return std::unique_ptr<Zone>(new Zone(memmap, config, events, std::move(*pcp), std::move(maps)));
}

Zone::Zone(const Memmap& memmap, const ZoneConfig& config, PageEvents& events,
           PerCpuStack<Page*> pcp, std::optional<FreeMaps> maps)
    : type_(config.type),
      start_(config.start),
      end_(config.end),
      watermarks_(watermarks_of(config.type, config.managed)),
      memmap_(memmap),
      events_(events),
      pcp_(std::move(pcp)),
      batch_(pcp_batch(config.end - config.start)),
      lock_(config.lockdep, kZoneLockKey),
      buddy_(memmap, config.start, config.end, std::move(maps)) {
  for (size_t highest = 0; highest < kZones; ++highest) {
    lowmem_reserve_[highest] =
        lowmem_reserve(type_, static_cast<ZoneType>(highest), config.managed);
  }
  lockdep::SpinlockGuard guard(lock_);
  buddy_.add_free_range(start_, end_);
  publish_free_pages_locked();
}

void Zone::publish_free_pages_locked() {
  free_pages_racy_.store(buddy_.free_pages().value(), std::memory_order_relaxed);
}

Page* Zone::take_from_buddy_locked(Order order) {
  Page* page = buddy_.take(order);
  if (page != nullptr) {
    RING3_TRACE2(mm_page_alloc_zone_locked, memmap_.pfn_of(*page).value(), order.value());
    events_.add(PageEvent::kMmPageAllocZoneLocked);
  }
  return page;
}

void Zone::put_pcp_page_locked(Page& page) {
  RING3_TRACE2(mm_page_pcpu_drain, memmap_.pfn_of(page).value(), 0);
  events_.add(PageEvent::kMmPagePcpuDrain);
  buddy_.put(page, Order(0));
}

Page* Zone::take_from_lists(Order order) {
  lockdep::SpinlockGuard guard(lock_);
  Page* page = take_from_buddy_locked(order);
  publish_free_pages_locked();
  if (page != nullptr) events_.add(PageEvent::kMmPageAlloc);
  return page;
}

void Zone::put_block(Page& page, Order order) {
  events_.add(PageEvent::kMmPageFree);
  lockdep::SpinlockGuard guard(lock_);
  buddy_.put(page, order);
  publish_free_pages_locked();
}

// One page for the caller and up to a batch less one for this CPU.
Page* Zone::refill_slow() {
  std::array<Page*, kMaxBatch> taken;
  size_t count = 0;
  {
    lockdep::SpinlockGuard guard(lock_);
    for (; count < batch_; ++count) {
      taken[count] = take_from_buddy_locked(Order(0));
      if (taken[count] == nullptr) break;
    }
    publish_free_pages_locked();
  }
  if (count == 0) return nullptr;
  events_.add(PageEvent::kMmPageAlloc);
  // Last in, first out: pushed in reverse, they come out in ascending addresses. Where the list
  // takes no more (it is being drained, or this thread has none), the rest goes back.
  size_t left = count - 1;
  for (; left > 0; --left) {
    Page& page = *taken[left];
    page.set_head(PageState::kPcp, Order(0));
    if (!pcp_.push(&page)) break;
  }
  events_.add(PageEvent::kPcpRefill, count - 1 - left);
  put_back({taken.data() + 1, left});
  return taken[0];
}

// This CPU's list is full: the oldest on it go back, a batch, or an eighth where that is more,
// since those that stay are moved up. Or it is being drained, or this thread has none: `page` goes
// back alone.
void Zone::flush_slow(Page& page) {
  const uint32_t most = std::max(batch_, pcp_.capacity() / 8);
  pcp_.evict(most, [this](std::span<Page* const> oldest) { put_back(oldest); });
  if (!pcp_.push(&page)) put_block(page, Order(0));
}

void Zone::put_back(std::span<Page* const> pages) {
  if (pages.empty()) return;
  lockdep::SpinlockGuard guard(lock_);
  for (Page* page : pages) put_pcp_page_locked(*page);
  publish_free_pages_locked();
}

void Zone::drain_all() {
  for (unsigned cpu = 0; cpu < pcp_.cpus(); ++cpu) {
    if (pcp_.counts(cpu).depth != 0) drain_cpu(cpu);
  }
}

void Zone::drain_cpu(unsigned cpu) {
  pcp_.drain(cpu, [this](std::span<Page* const> pages) { put_back(pages); });
}

PageCount Zone::free_pages() const {
  lockdep::SpinlockGuard guard(lock_);
  return buddy_.free_pages();
}

std::array<uint64_t, kOrders> Zone::free_blocks() const {
  lockdep::SpinlockGuard guard(lock_);
  std::array<uint64_t, kOrders> blocks{};
  for (Order order(0); order.valid(); order = order.higher()) {
    blocks[order.value()] = buddy_.free_blocks(order);
  }
  return blocks;
}

size_t Zone::count_faults() const {
  lockdep::SpinlockGuard guard(lock_);
  return buddy_.count_faults();
}

}  // namespace ring3::mm
