#include "mm/pages/zone.h"

#include <algorithm>
#include <utility>

#include "lib/tracepoint.h"
#include "mm/pages/page_report.h"

namespace ring3::mm {
namespace {

constexpr lockdep::LockClassKey kZoneLockKey{"zone->lock"};

}  // namespace

Result<std::unique_ptr<Zone>> Zone::create(const Memmap& memmap, const ZoneConfig& config,
                                           PageEvents& events, LimitedReports& reports) {
  std::vector<PcpList> pcp;
  for (Order order(0); order <= config.policy->highest_on_cpus; order = order.higher()) {
    const uint32_t high =
        pcp_high(config.end - config.start, config.topology->online_count(), order);
    if (high == 0) break;
    auto list = PcpList::create(high, *config.topology);
    if (!list) return list.error();
    pcp.push_back(std::move(*list));
  }
  auto blocks = config.policy->make(memmap, config.start, config.end);
  if (!blocks) return blocks.error();
  return std::unique_ptr<Zone>(
      new Zone(memmap, config, events, reports, std::move(pcp), std::move(*blocks)));
}

Zone::Zone(const Memmap& memmap, const ZoneConfig& config, PageEvents& events,
           LimitedReports& reports, std::vector<PcpList> pcp, std::unique_ptr<FreeBlocks> blocks)
    : type_(config.type),
      start_(config.start),
      end_(config.end),
      watermarks_(watermarks_of(config.type, config.managed)),
      memmap_(memmap),
      events_(events),
      reports_(reports),
      pcp_(std::move(pcp)),
      lock_(config.lockdep, kZoneLockKey),
      blocks_(std::move(blocks)) {
  for (size_t highest = 0; highest < kZones; ++highest) {
    lowmem_reserve_[highest] =
        lowmem_reserve(type_, static_cast<ZoneType>(highest), config.managed);
  }
  lockdep::SpinlockGuard guard(lock_);
  blocks_->add_free_range(start_, end_);
  publish_locked();
}

void Zone::publish_locked() {
  free_pages_racy_.store(blocks_->free_pages().value(), std::memory_order_relaxed);
  orders_racy_.store(blocks_->orders(), std::memory_order_relaxed);
}

// One block for the caller and up to a batch less one for this CPU, where it has a list that is
// open. Last in, first out: pushed in reverse, they come out in the order in which they were taken.
bool Zone::take(Order order, uint64_t most, Frame& head) {
  PcpList* const list = order.value() < pcp_.size() ? &pcp_[order.value()] : nullptr;
  std::array<Frame, kMaxPcpBatch> taken;
  const size_t wanted = list == nullptr ? 1 : std::min<uint64_t>(most, pcp_batch(list->capacity()));
  size_t count;
  {
    lockdep::SpinlockGuard guard(lock_);
    count = blocks_->take(order, std::span(taken).first(wanted));
    publish_locked();
  }
  if (count == 0) return false;
  events_.add(PageEvent::kMmPageAllocZoneLocked, count);
  events_.add(PageEvent::kMmPageAlloc);
  for (size_t i = 0; i < count; ++i) {
    RING3_TRACE2(mm_page_alloc_zone_locked, taken[i], order.value());
    if (i != 0) memmap_.set_state(Pfn(taken[i]), FrameState::pcp(order));
  }
  head = taken[0];
  if (count == 1) return true;
  const std::span rest = std::span(taken).subspan(1, count - 1);
  std::ranges::reverse(rest);
  wake(*list);
  const uint32_t kept = list->fill(rest);
  events_.add(PageEvent::kPcpRefill, kept);
  put_back(order, rest.subspan(kept));
  return true;
}

void Zone::put_slow(Frame head, Order order) {
  if (order.value() < pcp_.size()) {
    PcpList& list = pcp_[order.value()];
    wake(list);
    // The list is full: its oldest go, since the newest are still in this CPU's cache. Or it is
    // being drained, or this thread has none: the block goes back alone.
    if (list.push(head)) return;
    list.evict(pcp_batch(list.capacity()), [&](std::span<Frame> oldest) { flush(order, oldest); });
    if (list.push(head)) return;
  }
  events_.add(PageEvent::kMmPageFree);
  put_back(order, {&head, 1});
}

void Zone::flush(Order order, std::span<Frame> heads) {
  events_.add(PageEvent::kMmPagePcpuDrain, heads.size());
  for ([[maybe_unused]] const Frame head : heads) {
    RING3_TRACE2(mm_page_pcpu_drain, head, order.value());
  }
  put_back(order, heads);
}

// What has no ticket is put behind the others, and reported once the lock is released.
void Zone::put_back(Order order, std::span<Frame> heads) {
  if (heads.empty()) return;
  std::span<Frame> real = heads;
  {
    lockdep::SpinlockGuard guard(lock_);
    for (size_t i = 0; i < real.size();) {
      if (use_ticket(real[i], order)) [[likely]] {
        ++i;
      } else {
        std::swap(real[i], real.back());
        real = real.first(real.size() - 1);
      }
    }
    blocks_->put(order, real);
    publish_locked();
  }
  for (const Frame head : heads.subspan(real.size())) drop(head, order);
}

void Zone::drop(Frame head, Order order) {
  events_.add(PageEvent::kFreedTwice);
  const Page& page = memmap_.page(Pfn(head));
  reports_.report(
      [&] { return bad_page_report(PageMisuse::kFreedTwiceAtOnce, memmap_, page, order, 0); });
}

void Zone::drop_popped(Frame head, Order order) {
  events_.add(PageEvent::kFreedTwiceOnAlloc);
  drop(head, order);
}

// Under the lock, so that a drain comes before both steps, and finds the list shut, or after them,
// and sees both.
void Zone::wake(PcpList& list) {
  if (!list.is_shut()) return;
  lockdep::SpinlockGuard guard(lock_);
  cached_ = true;
  list.wake();
}

bool Zone::drain_all() {
  {
    lockdep::SpinlockGuard guard(lock_);
    if (!std::exchange(cached_, false)) return false;
  }
  const unsigned cpus = pcp_.empty() ? 0 : pcp_.front().cpus();
  for (unsigned cpu = 0; cpu < cpus; ++cpu) drain_cpu(cpu);
  return true;
}

void Zone::drain_cpu(unsigned cpu) {
  PcpList::drain(pcp_, cpu, [this](size_t order, std::span<Frame> heads) {
    flush(Order(static_cast<unsigned>(order)), heads);
  });
}

void Zone::bring_up_cpu(unsigned cpu) {
  for (PcpList& list : pcp_) list.bring_up(cpu);
}

PageCount Zone::free_pages() const {
  lockdep::SpinlockGuard guard(lock_);
  return blocks_->free_pages();
}

std::array<uint64_t, kOrders> Zone::free_blocks() const {
  lockdep::SpinlockGuard guard(lock_);
  return blocks_->free_blocks();
}

PageCount Zone::pcp_pages_racy() const {
  PageCount pages{0};
  for (size_t order = 0; order < pcp_.size(); ++order) {
    pages += PageCount(pcp_[order].counts().depth << order);
  }
  return pages;
}

StackCounts Zone::pcp_counts() const {
  StackCounts total;
  for (const PcpList& list : pcp_) total += list.counts();
  return total;
}

size_t Zone::count_faults() const {
  lockdep::SpinlockGuard guard(lock_);
  return blocks_->count_faults();
}

}  // namespace ring3::mm
