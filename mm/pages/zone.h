#pragma once

// A zone: a range of page frames with watermarks, whose free blocks a policy keeps under locks, and
// in front of these, lists of free blocks of each order on each CPU (the kernel's pcp), which most
// traffic never leaves.
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

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

#include "lib/cpu/limited_reports.h"
#include "lockdep/lockdep.h"
#include "mm/pages/deferred_frees.h"
#include "mm/pages/free_region.h"
#include "mm/pages/page_events.h"
#include "mm/pages/page_owner.h"
#include "mm/pages/pcp_lists.h"
#include "mm/pages/watermark.h"
#include "mm/pages/zone_facts.h"

namespace ring3::mm {

struct ZoneConfig {
  unsigned node;
  ZoneType type;
  Pfn start;
  Pfn end;
  PageCount present;               // of these frames, those that are memory
  std::span<const PfnRange> free;  // of all memory, what can be allocated
  ZonePages managed;               // the number of those in each zone of the node, for the marks
  PageCount lowmem;                // and of those up to Normal in all nodes
  VmSettings vm{};
  const PageOwners* owners;  // for reports; null: nobody records them
  const PagePolicy* policy;
  std::span<PcpList> pcp;  // its own, by type and order, which outlive it
  unsigned cpus;           // that will use it at once
  const Topology* topology;
  lockdep::Lockdep* lockdep;
};

class Zone {
 public:
  // kNoResource when the host refuses what the policy needs. `memmap`, `events` and `reports`
  // outlive the zone.
  static Result<std::unique_ptr<Zone>> create(const Memmap& memmap, const ZoneConfig& config,
                                              PageEvents& events, LimitedReports& reports);

  unsigned node() const { return node_; }
  ZoneType type() const { return type_; }
  Pfn start() const { return start_; }
  Pfn end() const { return end_; }
  PageCount managed() const { return managed_; }
  // As of the last set_vm(), a value each.
  Watermarks watermarks() const;
  // What is kept back from now on, given the pages of the node's zones, and of all nodes' up to
  // Normal. Callers exclude each other.
  void set_vm(const ZonePages& managed, PageCount lowmem, const VmSettings& vm);

  // How many blocks of `order` can be taken while `mark` plus the reserve against requests up to
  // `highest` stay free; 0 when none is free. Reads what may be stale, as the kernel does: a
  // watermark is a threshold, not a promise.
  uint64_t spare_racy(Order order, PageCount mark, ZoneType highest) const;

  // The head of a block of `order` from this CPU's list for `type`, kInside; kNoPfn when it has
  // none. Here and in put(), the list counts the event.
  Pfn take_cached(Order order, Migratetype type);
  // Of a head that came from a CPU's list and had no ticket: reports it.
  void drop_popped(Pfn head, Order order);
  // The same as take_cached() from the free blocks, of which this CPU's list gets a batch, with it
  // no more than `most`, 1 at least; counts the event. No region is asked for what is farther than
  // what another has.
  Pfn take(Order order, Migratetype type, Reach reach, uint64_t most);

  // Many blocks of order 0, from this CPU's list and then from the free blocks; returns how many.
  size_t take_bulk(Migratetype type, std::span<Frame> heads);

  // Gives back a block that was taken and that has been claimed since (kPcp).
  void put(Pfn head, Order order);

  // Both for whoever may not wait, because he has interrupted who knows whom. kNoPfn also when
  // somebody is at what has one.
  Pfn take_nolock(Order order, Migratetype type);
  void put_nolock(Pfn head, Order order);

  // Moves every block on every CPU's list back to the free blocks, or waits for who does. False, at
  // the price of a look, when nothing can have come to a list since the last time.
  bool drain_all() EXCLUDES(drain_lock_);
  // Those of one CPU.
  void drain_cpu(unsigned cpu);
  // A CPU that was not online when the zone was made has lists from now on.
  void bring_up_cpu(unsigned cpu);

  void count_stall() { events_of_zone_.add(ZoneEvent::kAllocstall); }
  // A request by a CPU of node `home` that named this zone's node, or another, was served here; and
  // one that named this zone's node was served by another.
  void count_named(unsigned home, bool is_named);
  void count_foreign() { named_foreign_.fetch_add(1, std::memory_order_relaxed); }

  // ---- For reports and checks. ----

  PageCount free_pages() const;
  // Free blocks of each order; those of each region read under its lock.
  std::array<uint64_t, kOrders> free_blocks() const;
  // Pages on the CPUs' lists; exact only while nobody allocates or frees.
  PageCount pcp_pages_racy() const;
  // What takes and puts left to the CPUs' lists to count: with taken_directly(), all of them.
  StackCounts pcp_counts() const;
  uint64_t taken_directly() const { return events_of_zone_.sum(ZoneEvent::kAlloc); }
  // Blocks that CPUs of each node of the topology got here, by requests that named no other node.
  std::vector<uint64_t> allocations_by_home(const Topology& topology) const;
  // And by ones that did (count_named).
  uint64_t named_by(unsigned home) const {
    return named_by_home_[home].load(std::memory_order_relaxed);
  }
  // All that the kernel tells of a zone under /proc, but for what it takes other nodes to know of
  // its NUMA events. Looks at every free block and pageblock.
  ZoneFacts facts() const;
  size_t count_faults() const;

 private:
  Zone(const Memmap& memmap, const ZoneConfig& config, PerCpuCounters counters, PageEvents& events,
       LimitedReports& reports);

  // As FreeBlocks::take(), from this CPU's region first; the blocks are kPcp.
  size_t take_free(Order order, Migratetype type, Reach reach, std::span<Frame> heads,
                   bool may_wait = true);
  void count_taken(size_t blocks, Order order);
  FreeBlocks::TypedBlocks free_blocks_by_type() const;
  PagesetFacts pageset(unsigned cpu) const;
  // Moves what a CPU's list held back to the free blocks.
  void flush(Order order, std::span<Frame> heads);
  // The same with blocks that are on no list.
  void put_back(Order order, std::span<Frame> heads);
  void drop(Pfn head, Order order);
  void put_back_deferred();
  // Opens this CPU's list of an order if a drain has shut it.
  void wake(PcpList& list) EXCLUDES(drain_lock_);

  PcpList& list_of(Order order, Migratetype type) const {
    return pcp_[PcpLists::index_in_zone(order, type)];
  }
  size_t region_of(Frame head) const {
    return std::min<size_t>((head - start_.value()) / region_pages_, regions_.size() - 1);
  }

  const unsigned node_;
  const ZoneType type_;
  const Pfn start_;
  const Pfn end_;
  const PageCount present_;
  const PageCount managed_;
  // Relaxed: whoever looks while they change is served by the old ones or the new. In pages.
  std::array<Atomic<uint64_t>, 4> watermarks_;  // min, low, high, promo
  std::array<Atomic<uint64_t>, kZones> lowmem_reserve_;
  const uint64_t pcp_fraction_;  // vm.percpu_pagelist_high_fraction
  const Memmap memmap_;
  PageEvents& events_;
  ZoneEvents events_of_zone_;
  // Of requests that named a node which is not their CPU's: those served here by that CPU's node,
  // and of them the ones that named this node and another; and those that others served.
  std::vector<Atomic<uint64_t>> named_by_home_;
  Atomic<uint64_t> named_hit_{0};
  Atomic<uint64_t> named_miss_{0};
  Atomic<uint64_t> named_foreign_{0};
  LimitedReports& reports_;
  const PageOwners* const owners_;

  const std::span<PcpList> pcp_;
  const unsigned cpus_;         // of the node
  const unsigned online_cpus_;  // of all nodes
  lockdep::Spinlock drain_lock_;
  // Something may have come to a CPU's list since it was drained. Written under drain_lock_; a look
  // without it may miss only what comes to a list at the same time.
  Atomic<bool> cached_{true};
  Atomic<uint32_t> drains_{0};  // that go on
  DeferredFrees deferred_;

  uint64_t region_pages_ = 0;  // of each region but the last, which has the rest
  std::vector<std::unique_ptr<FreeRegion>> regions_;  // by address
};

}  // namespace ring3::mm
