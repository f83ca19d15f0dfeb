#pragma once

// The front door: alloc_pages and free_pages over the zones of one arena.
//
// An allocation walks:   alloc_pages -> this CPU's list of the highest zone
//                          -> zonelist (watermarks) -> each zone's list
//                          -> Zone::take -> FreeBlocks::take, a batch
// A free walks:          free_pages -> checks -> Zone::put -> this CPU's list
//                          -> flush of the oldest -> FreeBlocks::put, a batch
//
// Any thread may call any function. Each zone has its lock; no two are held at once.

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/asan_describer.h"
#include "lib/cpu/limited_reports.h"
#include "lib/reservation.h"
#include "lockdep/lockdep.h"
#include "mm/pages/fail_page_alloc.h"
#include "mm/pages/frame_tables.h"
#include "mm/pages/mem_info.h"
#include "mm/pages/memblock.h"
#include "mm/pages/nodes.h"
#include "mm/pages/page_report.h"
#include "mm/pages/proc_text.h"
#include "mm/pages/reclaim.h"

namespace ring3::mm {

// Against secrets and stale pointers in pages that change hands (the kernel's boot options of these
// names). Any of them makes every request and free touch all of its block.
struct PageFilling {
  bool init_on_alloc = false;  // zero, as if every request had __GFP_ZERO
  bool init_on_free = false;   // zero, from the free on
  bool page_poison = false;    // a pattern in what is free, looked at when it is handed out; goes
                               // before the other two, and touches the whole arena at the start
  bool any() const { return init_on_alloc || init_on_free || page_poison; }
};

struct PageAllocatorConfig {
  size_t size_bytes = size_t{256} << 20;  // the arena, a multiple of 4 MiB
  lockdep::Lockdep* lockdep = nullptr;    // checks the zones' locks; null: nobody does
  ReportSink* reports = &stderr_report_sink();
  const Topology* topology = &Topology::host();  // outlives the allocator
  const PagePolicy* policy = &kKernelPolicy;     // outlives the allocator
  ZoneSet zones = ZoneSet::kX86_64;              // of 32 bits: an arena of 4 GiB at most
  VmSettings vm{};                               // how much is kept back
  // What of the arena is memory and not taken; null: all of it. Is copied.
  const Memblock* memblock = nullptr;
  // Where it is told that a request was refused, once in 10 s at most, by the kernel's text with
  // Mem-Info; null: nowhere.
  ReportSink* failures = &stderr_report_sink();
  bool mappable = false;        // pages can be mapped elsewhere too (os::AddressWindow)
  bool page_owner = false;      // records who allocated and freed each block last (PageOwners)
  PageFilling filling{};        // what free and fresh pages are filled with
  OutOfMemory out_of_memory{};  // asked before a request of a small order is refused; may be empty
};

// The size of a block of the highest order: what an arena is a multiple of.
inline constexpr size_t kArenaGranule = kMaxOrder.bytes();
inline constexpr size_t kMaxArenaBytes = size_t{16} << 40;
constexpr size_t max_arena_bytes(ZoneSet zones) {
  return zones == ZoneSet::kX86_64 ? kMaxArenaBytes : size_t{4} << 30;
}

class PageAllocator {
 public:
  // With the zones of Nodes. kInvalidArgument for a size that is 0, too large, also for what 32
  // bits reach, or not a multiple of kArenaGranule, and for a Memblock with memory beyond it or
  // with no free page; kNoResource when the host refuses address space.
  static Result<std::unique_ptr<PageAllocator>> create(const PageAllocatorConfig& config);

  ~PageAllocator();
  PageAllocator(const PageAllocator&) = delete;
  PageAllocator& operator=(const PageAllocator&) = delete;

  // The head page of a block of 2^order pages, aligned to its size, or null: no zone that `gfp`
  // allows has such a block above its watermark, a fault was injected, or the request was wrong
  // (which is reported too). Before a request that may wait is refused, shrinkers give back what
  // they can; even __GFP_NOFAIL gets null once they, memory and all reserves are used up. The
  // contents are those of the last use, or zero with __GFP_ZERO.
  Page* alloc_pages(Gfp gfp, Order order) __attribute__((noinline));

  // The same for CPUs of node `node` of the topology, whichever runs the caller: from that node's
  // zones first, and from the nearest others', or with __GFP_THISNODE from that node or not at all.
  // A number that is no node's is reported (the kernel's alloc_pages_node).
  Page* alloc_pages_node(unsigned node, Gfp gfp, Order order) __attribute__((noinline));

  // Gives back a block with the order it was allocated with; null is nothing. Anything else is
  // reported, with the page, its state and the caller, and changes nothing. Of two that free one
  // block at the same moment, one is reported: at once under the kernel's policy, and when the
  // block next leaves a CPU's list under the packed one (Zone).
  void free_pages(Page* page, Order order) __attribute__((noinline));
  // The same by the block's address: the kernel's free_pages(addr, order).
  void free_pages_at(void* address, Order order) __attribute__((noinline));

  // alloc_pages and free_pages for an owner with rules of its own, on behalf of `caller` (a return
  // address): only a free that names `owner` gives the block back. free_owned_pages: false when it
  // reported, which of two that free one block at the same moment is the other.
  Page* alloc_owned_pages(Gfp gfp, Order order, PageOwner owner, uintptr_t caller);
  bool free_owned_pages(Page& page, Order order, PageOwner owner, uintptr_t caller);

  // Fills the null ones of `pages` with single pages, from the first on, and returns the place of
  // the first that is null still. Takes many with one look at the zones' watermarks and one lock,
  // and does no more for them than that, but for one page as much as alloc_pages() does. Each is to
  // be freed on its own (the kernel's alloc_pages_bulk).
  size_t alloc_pages_bulk(Gfp gfp, std::span<Page*> pages) __attribute__((noinline));

  // The first of as many pages in a row as hold `bytes`, or null, as alloc_pages(); what a block of
  // that size has beyond them stays free. `bytes`: from 1 up to a block of the highest order. To be
  // freed together with the same `bytes`, or page by page (the kernel's alloc_pages_exact).
  void* alloc_pages_exact(size_t bytes, Gfp gfp) __attribute__((noinline));
  void free_pages_exact(void* address, size_t bytes) __attribute__((noinline));

  // Makes an allocated block of `order` into blocks of the lower order `to`, each to be freed on
  // its own (the kernel's split_page, which goes down to single pages). A block that is not
  // allocated like that is reported and stays as it is. A compound page ends.
  void split_pages(Page* page, Order order, Order to) __attribute__((noinline));

  // ---- For whoever may not wait: from a signal handler, or with any lock held. ----

  // As alloc_pages(), from what is at hand: without a lock that somebody has, without reclaim, and
  // neither reports nor injected faults (the kernel's alloc_pages_nolock and free_pages_nolock). A
  // block that no lock is free for goes back with the next request that may wait. Under a lock
  // checker, not from a host's signal handler: it may have interrupted the checker.
  Page* alloc_pages_nolock(Gfp gfp, Order order) __attribute__((noinline));
  void free_pages_nolock(Page* page, Order order) __attribute__((noinline));

  // ---- Blocks with several users. ----

  // As alloc_pages(), a block that lives as long as somebody has a reference to it; the caller has
  // the first. Others may get one of a page that they have merely seen somewhere.
  Page* alloc_shared_pages(Gfp gfp, Order order) __attribute__((noinline));
  // Gets a reference to the block with the head `page`, any descriptor of this arena, unless it has
  // none: then it is not shared, or is free (the kernel's get_page_unless_zero). It may be another
  // block than a moment ago, which the caller finds out now that it stays. Any thread, never waits.
  static bool get_page_unless_zero(Page& page);
  // Puts a reference back, and with the last one the block. free_pages() of a shared block does the
  // same for whoever allocated it, and says good-bye to the block: of one that is not compound, all
  // pages but the first are freed at once, whoever may have a reference to the first. A put without
  // a reference is reported.
  void put_page(Page& page) __attribute__((noinline));

  const Memmap& memmap() const { return memmap_; }
  // Null for a page of high memory (is_highmem), as the kernel's page_address().
  void* address_of(const Page* page) const {
    return is_highmem(page) ? nullptr : memmap_.address_of(*page);
  }
  // True for what a 32-bit kernel does not map. Whoever touches a page that may be such asks for an
  // address by kmap_local(), which the host maps anyway: it holds for any thread, as long as the
  // page does (the kernel's kmap_local_page, without an end).
  bool is_highmem(const Page* page) const { return memmap_.pfn_of(*page) >= directly_mapped_; }
  void* kmap_local(const Page* page) const { return memmap_.address_of(*page); }
  Pfn pfn_of(const Page* page) const { return memmap_.pfn_of(*page); }
  bool mappable() const { return mappable_; }

  // How much is kept back, and what may be from now on: all but percpu_pagelist_high_fraction,
  // which sizes lists when the allocator is made (kInvalidArgument). Requests that are on their way
  // go by the old settings or the new.
  VmSettings vm() const EXCLUDES(vm_lock_);
  Status set_vm(const VmSettings& vm) EXCLUDES(vm_lock_);

  // Who can give memory back registers there.
  Reclaim& reclaim() { return reclaim_; }

  // Moves the free blocks of all CPUs' lists back to the zones, where they can merge. False, for
  // next to nothing, when nothing can have come to a list since the last time.
  bool drain_all();
  // A CPU of a simulated topology has gone: its list is emptied. One has come: it has a list.
  void cpu_dead(unsigned cpu);
  void cpu_online(unsigned cpu);

  // ---- State. ----

  // All that can be allocated.
  PageCount total_pages() const { return nodes_->managed_pages(); }
  // What it was made from.
  const Memblock& memblock() const { return memblock_; }
  // Free pages of all zones, those on CPUs' lists included; exact while nobody allocates.
  PageCount free_pages_count() const { return nodes_->free_pages(); }
  PageCount allocated_pages() const { return total_pages() - free_pages_count(); }
  // Free blocks of each order over all zones, CPUs' lists not counted.
  std::array<uint64_t, kOrders> free_blocks() const { return nodes_->free_blocks(); }
  // What there is to tell of each zone, those without pages too (mm/pages/proc_text.h). Looks at
  // every free block and pageblock; of threads that run meanwhile it may miss something.
  std::vector<ZoneFacts> zone_facts() const;
  VmEvents vm_events() const {
    return {.slabs_scanned = count_of(PageEvent::kSlabsScanned),
            .oom_kills = count_of(PageEvent::kOomKill)};
  }
  // The kernel's Mem-Info: what there is in each zone and who may not have it.
  std::string mem_info() const { return mem_info_text(zone_facts(), Task::current().cpu()); }
  // The text of /proc/buddyinfo.
  std::string buddyinfo() const { return buddyinfo_text(zone_facts()); }

  // How often it happened so far. May miss events of threads that run meanwhile.
  uint64_t count_of(PageEvent event) const;
  FailPageAlloc& fail_page_alloc() { return fail_page_alloc_; }

  // Mistakes of callers so far. Each is reported, up to the limit of LimitedReports.
  uint64_t misuses() const { return reports_.count(); }

  // Walks all free lists and counts broken invariants: 0 when all is well.
  size_t count_faults() const { return nodes_->count_faults(); }

  // Reports every block that nobody has given back (the first few in full), but for those of an
  // owner, which are its own to report; returns how many pages they are. Nobody may allocate or
  // free meanwhile.
  PageCount report_leaks();

  ZoneSet zones() const { return zones_; }

  // Null unless the allocator was made with page_owner.
  const PageOwners* owners() const { return owners_ ? &*owners_ : nullptr; }

  // As the Memmap's, with visit(const Page&, FrameState).
  template <class Visit>
  void for_each_allocated_block(Visit visit) const {
    memmap_.for_each_allocated_block([this, &visit](Pfn head, FrameState state) {
      return visit(std::as_const(memmap_.page(head)), state);
    });
  }

 private:
  PageAllocator(os::Reservation arena, FrameTables frames, std::optional<PageOwners> owners,
                PerCpuCounters events, Memblock memblock, const PageAllocatorConfig& config);

  Pfn take(Gfp asked, Order order, Nodes::Target target);
  template <class Mark>
  Pfn reclaim_and_take(Gfp gfp, Order order, Nodes::Target target, Mark mark);
  // Of a request that found `dropped`, which was on a list twice.
  [[gnu::noinline, gnu::cold]] Page* alloc_instead(Pfn dropped, Gfp gfp, Order order,
                                                   uintptr_t caller);
  // The steps between: null when there is none, which is told.
  Page* alloc_admitted(Gfp gfp, Order order, Nodes::Target target, PageOwner owner,
                       uintptr_t caller);
  // The last steps of a request: the block at `head` is the owner's.
  Page& hand_out(Pfn head, Order order, Gfp gfp, PageOwner owner, uintptr_t caller,
                 bool may_wait = true);
  // The first steps of one: false when it cannot be tried, or must fail.
  bool admit(Gfp gfp, Order order, uintptr_t caller);
  // Makes a block that is nobody else's into blocks of the order `to` up to `end`; what lies beyond
  // is free.
  void cut(Pfn head, Order order, Order to, Pfn end, uintptr_t caller);
  // Of a block that has been claimed (kPcp).
  void release(Pfn pfn, Order order, uintptr_t caller);
  // The same of a part of the block of `order` at `head`, which nobody else knows of.
  void release_part(Pfn head, Order order, Pfn part, Order part_order, uintptr_t caller);
  void put_reference(Page& page, uintptr_t caller);
  void free_shared(Page& page, Order order, uintptr_t caller);
  // Says that there is nothing for such a request, unless it has __GFP_NOWARN.
  [[gnu::noinline, gnu::cold]] void tell_failure(Gfp gfp, Order order, uintptr_t caller);
  // What becomes of the contents of a block that is handed out, and of one that is given back.
  void fill_for_use(Page& page, Order order, Gfp gfp);
  void fill_for_free(Page& page, Order order);
  // From now on nobody may touch the block, says ASan.
  void hide(Pfn head, Order order);
  [[gnu::always_inline]] void free_block(Page& page, Order order, uintptr_t caller);
  [[gnu::always_inline]] void give_back(Pfn pfn, Order order, uintptr_t caller);
  [[gnu::noinline]] void give_back_otherwise(Pfn pfn, Order order, uintptr_t caller,
                                             bool may_wait = true);

  [[gnu::noinline, gnu::cold]] void report_address(const void* address, Order order,
                                                   uintptr_t caller);
  [[gnu::noinline, gnu::cold]] void report_free(const Page& page, Order order, PageOwner owner,
                                                uintptr_t caller);

  os::Reservation arena_;
  FrameTables frames_;
  const Memmap memmap_;
  const Memblock memblock_;
  const ZoneSet zones_;
  const Pfn directly_mapped_;  // where that ends
  const bool mappable_;
  std::optional<PageOwners> owners_;
  const PageFilling filling_;
  const bool exact_claims_;
  PageEvents events_;
  FailPageAlloc fail_page_alloc_;
  LimitedReports reports_;
  std::optional<LimitedReports> failures_;
  Reclaim reclaim_;
  std::optional<Nodes> nodes_;  // there from create() on
  mutable lockdep::Spinlock vm_lock_;
  VmSettings vm_ GUARDED_BY(vm_lock_);
  const AsanDescriber describer_{
      [this](const void* address) { return page_description(memmap_, owners(), address); }};
};

}  // namespace ring3::mm
