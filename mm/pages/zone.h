#pragma once

// A zone: a range of page frames with watermarks, a lock over its free blocks, which a policy
// keeps, and in front of both, lists of free blocks of each order on each CPU (the kernel's pcp),
// which most traffic never leaves.
//
// Blocks on a CPU's list are kPcp; they are neither allocated nor counted as free. That state is
// their ticket: whoever takes a block off a list, to hand it out or to give it back, uses it up.
// When two free one block at once, both may find it allocated and put it on a list; then there are
// two entries and one ticket, and who takes the second finds none: it is dropped and reported. Two
// that take both at the very same moment can both find the ticket; then the block has two users,
// and the second to free it is reported.

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "lib/cpu/atomic.h"
#include "lib/cpu/limited_reports.h"
#include "lib/cpu/percpu_stack.h"
#include "lockdep/lockdep.h"
#include "mm/pages/page_events.h"
#include "mm/pages/page_policy.h"
#include "mm/pages/pcp_sizes.h"
#include "mm/pages/watermark.h"

namespace ring3::mm {

struct ZoneConfig {
  ZoneType type;
  Pfn start;
  Pfn end;
  ZonePages managed;  // of all zones, for the watermarks
  const PagePolicy* policy;
  const Topology* topology;
  lockdep::Lockdep* lockdep;
};

class Zone {
 public:
  // kNoResource when the host refuses the per-CPU lists or what the policy needs. `memmap`,
  // `events` and `reports` outlive the zone.
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

  // The head of a block of `order` from this CPU's list; false when it has none. The block is
  // kInside. Here and in put(), the list counts the event.
  bool take_cached(Order order, Frame& head) {
    if (order.value() >= pcp_.size()) return false;
    while (pcp_[order.value()].pop(head)) {
      if (use_ticket(head, order)) [[likely]]
        return true;
      drop_popped(head, order);
    }
    return false;
  }
  // The same from the free blocks, of which this CPU's list gets a batch, with it no more than
  // `most`, 1 at least; counts the event.
  bool take(Order order, uint64_t most, Frame& head) EXCLUDES(lock_);

  // Gives back a block that take() returned and that has been claimed since (kPcp).
  void put(Frame head, Order order) {
    if (order.value() < pcp_.size() && pcp_[order.value()].push(head)) [[likely]]
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
  using PcpList = PerCpuStack<Frame>;

  Zone(const Memmap& memmap, const ZoneConfig& config, PageEvents& events, LimitedReports& reports,
       std::vector<PcpList> pcp, std::unique_ptr<FreeBlocks> blocks);

  // False when the block at `head` is not on any list, whatever its entry says.
  bool use_ticket(Frame head, Order order) const {
    if (memmap_.state(Pfn(head)) != FrameState::pcp(order)) [[unlikely]]
      return false;
    memmap_.set_state(Pfn(head), {});
    return true;
  }
  [[gnu::cold]] void drop(Frame head, Order order);
  [[gnu::cold]] void drop_popped(Frame head, Order order);

  void put_slow(Frame head, Order order) EXCLUDES(lock_);
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

  std::vector<PcpList> pcp_;  // by order, of the orders that CPUs keep

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
