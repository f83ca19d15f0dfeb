#pragma once

// A zone: a range of page frames with watermarks, a lock over its free blocks, which a policy
// keeps, and in front of both, lists of free blocks of each order on each CPU (the kernel's pcp),
// which most traffic never leaves.
//
// Blocks on a CPU's list are kPcp; they are neither allocated nor counted as free. That state is
// their ticket: whoever takes a block off a list, to hand it out or to give it back, uses it up.
//
// Where a free needs no locked instruction (PagePolicy::finds_doubles), two that free one block at
// once may both find it allocated, and put it on two lists. Then there is one ticket for two
// entries: who takes the second finds none. Or the second free wrote its ticket when the first had
// been used: then the block is free twice, which FreeBlocks::put() finds, or is free and in use,
// which a take() finds. Whatever finds it drops it and reports it; nothing is ever freed or handed
// out twice but where two take both entries at the very same moment: then the block has two users,
// and the second to free it is reported.

#include <array>
#include <memory>
#include <span>

#include "lib/cpu/atomic.h"
#include "lib/cpu/limited_reports.h"
#include "lib/cpu/percpu_stack.h"
#include "lockdep/lockdep.h"
#include "mm/pages/page_events.h"
#include "mm/pages/page_policy.h"
#include "mm/pages/pcp_lists.h"
#include "mm/pages/watermark.h"

namespace ring3::mm {

struct ZoneConfig {
  ZoneType type;
  Pfn start;
  Pfn end;
  ZonePages managed;  // of all zones, for the watermarks
  const PagePolicy* policy;
  std::span<PcpList> pcp;  // its own, by order, which outlive it
  lockdep::Lockdep* lockdep;
};

class Zone {
 public:
  // kNoResource when the host refuses what the policy needs. `memmap`, `events` and `reports`
  // outlive the zone.
  static Result<std::unique_ptr<Zone>> create(const Memmap& memmap, const ZoneConfig& config,
                                              PageEvents& events, LimitedReports& reports);

  ZoneType type() const { return type_; }
  Pfn start() const { return start_; }
  Pfn end() const { return end_; }
  PageCount managed() const { return end_ - start_; }
  const Watermarks& watermarks() const { return watermarks_; }

  // How many blocks of `order` can be taken while `mark` plus the reserve against requests up to
  // `highest` stay free; 0 when none is free. Reads what may be stale, as the kernel does: a
  // watermark is a threshold, not a promise.
  uint64_t spare_racy(Order order, PageCount mark, ZoneType highest) const {
    if (order.value() >= orders_racy_.load(std::memory_order_relaxed)) return 0;
    const uint64_t needed = mark.value() + lowmem_reserve_[static_cast<size_t>(highest)].value();
    const uint64_t free = free_pages_racy_.load(std::memory_order_relaxed);
    return free > needed ? (free - needed) >> order.value() : 0;
  }

  // The head of a block of `order` from this CPU's list, kInside; kNoPfn when it has none. Here and
  // in put(), the list counts the event.
  Pfn take_cached(Order order);
  // Of a head that came from a CPU's list and had no ticket: reports it.
  void drop_popped(Pfn head, Order order);
  // The same from the free blocks, of which this CPU's list gets a batch, with it no more than
  // `most`, 1 at least; counts the event.
  Pfn take(Order order, uint64_t most) EXCLUDES(lock_);

  // Gives back a block that take() returned and that has been claimed since (kPcp).
  void put(Pfn head, Order order) {
    if (pcp_[order.value()].push(static_cast<Frame>(head.value()))) [[likely]]
      return;
    put_slow(head, order);
  }

  // Moves every block on every CPU's list back to the free blocks. False, at the price of a look,
  // when nothing can have come to a list since the last time.
  bool drain_all() EXCLUDES(lock_);
  // Those of one CPU.
  void drain_cpu(unsigned cpu) EXCLUDES(lock_);
  // A CPU that was not online when the zone was made has lists from now on.
  void bring_up_cpu(unsigned cpu);

  // ---- For reports and checks. ----

  PageCount free_pages() const EXCLUDES(lock_);
  // Free blocks of each order, read under the lock.
  std::array<uint64_t, kOrders> free_blocks() const EXCLUDES(lock_);
  // Pages on the CPUs' lists; exact only while nobody allocates or frees.
  PageCount pcp_pages_racy() const;
  // What takes and puts left to the CPUs' lists to count: with PageEvents, all of them.
  StackCounts pcp_counts() const;
  size_t count_faults() const EXCLUDES(lock_);

 private:
  Zone(const Memmap& memmap, const ZoneConfig& config, PageEvents& events, LimitedReports& reports,
       std::unique_ptr<FreeBlocks> blocks);

  [[gnu::cold]] void drop(Pfn head, Order order);
  // As FreeBlocks::take(), without the lock held.
  size_t take_free(Order order, std::span<Frame> heads) EXCLUDES(lock_);
  [[gnu::noinline]] void put_slow(Pfn head, Order order) EXCLUDES(lock_);
  // Moves what a CPU's list held back to the free blocks.
  void flush(Order order, std::span<Frame> heads) EXCLUDES(lock_);
  // The same with blocks that are on no list.
  void put_back(Order order, std::span<Frame> heads) EXCLUDES(lock_);
  // Opens this CPU's list of `order` if a drain has shut it.
  void wake(PcpList& list) EXCLUDES(lock_);
  void publish_locked() REQUIRES(lock_);

  const ZoneType type_;
  const Pfn start_;
  const Pfn end_;
  const Watermarks watermarks_;
  std::array<PageCount, kZones> lowmem_reserve_;
  const Memmap memmap_;
  PageEvents& events_;
  LimitedReports& reports_;

  const std::span<PcpList> pcp_;

  mutable lockdep::Spinlock lock_;
  const std::unique_ptr<FreeBlocks> blocks_ PT_GUARDED_BY(lock_);
  // Something may have come to a CPU's list since it was drained.
  bool cached_ GUARDED_BY(lock_) = true;
  // Copies for readers without the lock, who only compare them: the free pages, and one more than
  // the highest order of which a block is free.
  Atomic<uint64_t> free_pages_racy_{0};
  Atomic<uint32_t> orders_racy_{0};
};

}  // namespace ring3::mm
