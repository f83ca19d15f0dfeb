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
  auto blocks = config.policy->make(memmap, config.start, config.end);
  if (!blocks) return blocks.error();
  return std::unique_ptr<Zone>(new Zone(memmap, config, events, reports, std::move(*blocks)));
}

Zone::Zone(const Memmap& memmap, const ZoneConfig& config, PageEvents& events,
           LimitedReports& reports, std::unique_ptr<FreeBlocks> blocks)
    : type_(config.type),
      start_(config.start),
      end_(config.end),
      watermarks_(watermarks_of(config.type, config.managed)),
      memmap_(memmap),
      events_(events),
      reports_(reports),
      pcp_(config.pcp),
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

Pfn Zone::take_cached(Order order) {
  for (Frame head; pcp_[order.value()].pop(head);) {
    if (memmap_.use_ticket(Pfn(head), order, {})) return Pfn(head);
    drop_popped(Pfn(head), order);
  }
  return kNoPfn;
}

// One block for the caller and up to a batch less one for this CPU's list, if that is not closed.
// Last in, first out: pushed in reverse, they come out in the order in which they were taken.
Pfn Zone::take(Order order, uint64_t most) {
  PcpList& list = pcp_[order.value()];
  std::array<Frame, kMaxPcpBatch> taken;
  const auto wanted = std::min<uint64_t>(most, std::max(pcp_batch(list.capacity()), uint32_t{1}));
  const size_t count = take_free(order, std::span(taken).first(wanted));
  if (count == 0) return kNoPfn;
  events_.add(PageEvent::kMmPageAlloc);
  if (count == 1) return Pfn(taken[0]);
  const std::span rest = std::span(taken).subspan(1, count - 1);
  for (const Frame head : rest) memmap_.set_state(Pfn(head), FrameState::pcp(order));
  std::ranges::reverse(rest);
  wake(list);
  const uint32_t kept = list.fill(rest);
  events_.add(PageEvent::kPcpRefill, kept);
  put_back(order, rest.subspan(kept));
  return Pfn(taken[0]);
}

// A block that has a user though it is free was freed twice at once, and went back once before the
// second free wrote its ticket: its user keeps it.
size_t Zone::take_free(Order order, std::span<Frame> heads) {
  for (;;) {
    size_t count;
    {
      lockdep::SpinlockGuard guard(lock_);
      count = blocks_->take(order, heads);
      publish_locked();
    }
    if (count == 0) return 0;
    events_.add(PageEvent::kMmPageAllocZoneLocked, count);
    size_t unused = 0;
    for (const Frame head : heads.first(count)) {
      RING3_TRACE2(mm_page_alloc_zone_locked, head, order.value());
      if (memmap_.state(Pfn(head)) == FrameState()) [[likely]] {
        heads[unused++] = head;
      } else {
        drop(Pfn(head), order);
      }
    }
    if (unused != 0) return unused;
  }
}

void Zone::put_slow(Pfn head, Order order) {
  PcpList& list = pcp_[order.value()];
  auto frame = static_cast<Frame>(head.value());
  if (list.capacity() != 0) {
    wake(list);
    // The list is full: its oldest go, since the newest are still in this CPU's cache. Or it is
    // being drained, or this thread has none: the block goes back alone.
    if (list.push(frame)) return;
    list.evict(pcp_batch(list.capacity()), [&](std::span<Frame> oldest) { flush(order, oldest); });
    if (list.push(frame)) return;
  }
  events_.add(PageEvent::kMmPageFree);
  put_back(order, {&frame, 1});
}

void Zone::flush(Order order, std::span<Frame> heads) {
  events_.add(PageEvent::kMmPagePcpuDrain, heads.size());
  for ([[maybe_unused]] const Frame head : heads) {
    RING3_TRACE2(mm_page_pcpu_drain, head, order.value());
  }
  put_back(order, heads);
}

// What has no ticket, or is free already, is put behind the others, and reported once the lock is
// released.
void Zone::put_back(Order order, std::span<Frame> heads) {
  if (heads.empty()) return;
  std::span<Frame> real = heads;
  {
    lockdep::SpinlockGuard guard(lock_);
    for (size_t i = 0; i < real.size();) {
      if (memmap_.use_ticket(Pfn(real[i]), order, {})) [[likely]] {
        ++i;
      } else {
        std::swap(real[i], real.back());
        real = real.first(real.size() - 1);
      }
    }
    real = real.first(blocks_->put(order, real));
    publish_locked();
  }
  for (const Frame head : heads.subspan(real.size())) drop(Pfn(head), order);
}

void Zone::drop(Pfn head, Order order) {
  events_.add(PageEvent::kFreedTwice);
  const Page& page = memmap_.page(head);
  reports_.report(
      [&] { return bad_page_report(PageMisuse::kFreedTwiceAtOnce, memmap_, page, order, 0); });
}

void Zone::drop_popped(Pfn head, Order order) {
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
  const unsigned cpus = pcp_.front().cpus();
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
