#pragma once

// A zone: a range of page frames with a lock over its buddy system, watermarks, and in front of
// both, lists of single free pages on each CPU (the kernel's pcp), which most order-0 traffic
// never leaves.
//
// Pages on a CPU's list are kPcp; they are neither allocated nor counted as free.

#include <memory>
#include <optional>
#include <span>

#include "lib/cpu/atomic.h"
#include "lib/cpu/percpu_stack.h"
#include "lockdep/lockdep.h"
#include "mm/pages/buddy.h"
#include "mm/pages/page_events.h"
#include "mm/pages/watermark.h"

namespace ring3::mm {

struct ZoneConfig {
  ZoneType type;
  Pfn start;
  Pfn end;
  ZonePages managed;  // of all zones, for the watermarks
  lockdep::Lockdep* lockdep;
  const Topology* topology;
  PagePolicy policy;
};

class Zone {
 public:
  // kNoResource when the host refuses the per-CPU lists or the maps. `memmap` and `events` outlive
  // the zone.
  static Result<std::unique_ptr<Zone>> create(const Memmap& memmap, const ZoneConfig& config,
                                              PageEvents& events);

  ZoneType type() const { return type_; }
  Pfn start() const { return start_; }
  Pfn end() const { return end_; }
  PageCount managed() const { return end_ - start_; }
  const Watermarks& watermarks() const { return watermarks_; }

  // True when a block of `order` can be taken and more than `mark` plus the reserve against
  // requests up to `highest` stay free. Reads a count that may be stale, as the kernel does: a
  // watermark is a threshold, not a promise.
  bool watermark_ok_racy(Order order, PageCount mark, ZoneType highest) const {
    const uint64_t needed = mark.value() + lowmem_reserve_[static_cast<size_t>(highest)].value();
    const uint64_t used = order.pages().value() - 1;
    return free_pages_racy_.load(std::memory_order_relaxed) > needed + used;
  }

  // The head of a block of `order`, in state kInterior or (from a CPU's list) kPcp; null when
  // there is none. Here and in put(), who leaves the CPU's list aside counts the event; the list
  // counts the rest by itself.
  Page* take(Order order) {
    if (order == Order(0)) [[likely]] {
      Page* page;
      return pcp_.pop(page) ? page : refill_slow();
    }
    return take_from_lists(order);
  }

  // Gives back a block that take() returned and that has been claimed since (kPcp).
  void put(Page& page, Order order) {
    if (order == Order(0)) [[likely]] {
      if (!pcp_.push(&page)) flush_slow(page);
      return;
    }
    put_block(page, order);
  }

  // Moves every page on every CPU's list, or on that of one, back to the buddy system.
  void drain_all() EXCLUDES(lock_);
  void drain_cpu(unsigned cpu) EXCLUDES(lock_);
  // A CPU that was not online when the zone was made has a list from now on.
  void bring_up_cpu(unsigned cpu) { pcp_.bring_up(cpu); }

  // ---- For reports and checks. ----

  PageCount free_pages() const EXCLUDES(lock_);
  // Free blocks of each order, read under the lock.
  std::array<uint64_t, kOrders> free_blocks() const EXCLUDES(lock_);
  // Pages on the CPUs' lists; exact only while nobody allocates or frees.
  PageCount pcp_pages_racy() const { return PageCount(pcp_.counts().depth); }
  // What takes and puts left to the CPUs' lists to count: with PageEvents, all of them.
  StackCounts pcp_counts() const { return pcp_.counts(); }
  size_t count_faults() const EXCLUDES(lock_);

 private:
  Zone(const Memmap& memmap, const ZoneConfig& config, PageEvents& events, PerCpuStack<Page*> pcp,
       std::optional<FreeMaps> maps);

  Page* refill_slow() EXCLUDES(lock_);
  void flush_slow(Page& page) EXCLUDES(lock_);
  // Moves pages that are on no list back to the buddy system.
  void put_back(std::span<Page* const> pages) EXCLUDES(lock_);
  Page* take_from_lists(Order order) EXCLUDES(lock_);
  void put_block(Page& page, Order order) EXCLUDES(lock_);

  Page* take_from_buddy_locked(Order order) REQUIRES(lock_);
  void put_pcp_page_locked(Page& page) REQUIRES(lock_);
  void publish_free_pages_locked() REQUIRES(lock_);

  const ZoneType type_;
  const Pfn start_;
  const Pfn end_;
  const Watermarks watermarks_;
  std::array<PageCount, kZones> lowmem_reserve_;
  const Memmap memmap_;
  PageEvents& events_;

  PerCpuStack<Page*> pcp_;
  const uint32_t batch_;  // pages moved between a CPU's list and the zone at a time

  mutable lockdep::Spinlock lock_;
  Buddy buddy_ GUARDED_BY(lock_);
  // A copy of buddy_.free_pages() for readers without the lock, who only compare it.
  Atomic<uint64_t> free_pages_racy_{0};
};

}  // namespace ring3::mm
