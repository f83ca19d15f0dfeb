#include "mm/pages/page_alloc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "lib/asan.h"
#include "lib/cpu/task.h"
#include "lib/stack_trace.h"
#include "lib/tracepoint.h"
#include "mm/pages/kernel_rules.h"
#include "mm/pages/page_poison.h"

namespace ring3::mm {
namespace {

// What a block becomes that such a request gets.
FrameState state_of_request(Gfp gfp, Order order, PageOwner owner) {
  return FrameState::allocated(order, owner, gfp.any(kGfpFlagComp));
}

constexpr lockdep::LockClassKey kVmLockKey{"vm_settings"};

// At most so many texts of failed requests: each is long, and the first says it all.
constexpr ReportLimit kFailureLimit{"page allocation failures", 1, seconds(10)};

// Whether ASan is told of an arena's free blocks: what it notes takes an eighth of what is noted.
constexpr bool is_poisoned_while_free(size_t arena_bytes) {
  return kHaveAsan && arena_bytes <= size_t{1} << 30;
}

// What `config` has, or one of the whole arena.
Result<Memblock> checked_memblock(const PageAllocatorConfig& config) {
  Memblock memblock;
  memblock.add({0, config.size_bytes});
  if (config.memblock != nullptr) memblock = *config.memblock;
  const auto memory = memblock.memory().ranges();
  if (!memory.empty() && memory.back().end > config.size_bytes) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("memory up to {:#x} is not possible in an arena of {} bytes",
                             memory.back().end, config.size_bytes)};
  }
  if (memblock.free_frames().empty()) {
    return Error{
        Errc::kInvalidArgument,
        fmt::format("no page of {} bytes is free: {} are memory, and {} are reserved",
                    config.size_bytes, memblock.memory().size(), memblock.reserved().size())};
  }
  return memblock;
}

}  // namespace

Result<std::unique_ptr<PageAllocator>> PageAllocator::create(const PageAllocatorConfig& config) {
  const size_t size = config.size_bytes;
  const size_t most = max_arena_bytes(config.zones);
  if (size == 0 || size > most || size % kArenaGranule != 0) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("an arena of {} bytes is not possible; use a multiple of {} from {} "
                             "to {}",
                             size, kArenaGranule, kArenaGranule, most)};
  }
  Result<Memblock> memblock = checked_memblock(config);
  if (!memblock) return memblock.error();
  Result<os::Reservation> arena = os::reserve(
      size, kArenaGranule, config.mappable ? os::Sharing::kShared : os::Sharing::kPrivate);
  if (!arena) return arena.error();
  Result<FrameTables> frames = FrameTables::create(PageCount(size / kPageSize));
  if (!frames) return frames.error();
  std::optional<PageOwners> owners;
  if (config.page_owner) {
    Result<PageOwners> created = PageOwners::create(PageCount(size / kPageSize));
    if (!created) return created.error();
    owners.emplace(std::move(*created));
  }
  Result<PerCpuCounters> events = PageEvents::create_counters(*config.topology);
  if (!events) return events.error();

  std::unique_ptr<PageAllocator> allocator(new PageAllocator(std::move(*arena), std::move(*frames),
                                                             std::move(owners), std::move(*events),
                                                             std::move(*memblock), config));
  Result<Nodes> nodes = Nodes::create(allocator->memmap_, allocator->memblock_,
                                      {.policy = config.policy,
                                       .topology = config.topology,
                                       .lockdep = config.lockdep,
                                       .vm = config.vm,
                                       .owners = allocator->owners(),
                                       .direct = !config.page_owner && !config.filling.any(),
                                       .zones = config.zones},
                                      allocator->events_, allocator->reports_);
  if (!nodes) return nodes.error();
  allocator->nodes_.emplace(std::move(*nodes));
  return allocator;
}

PageAllocator::PageAllocator(os::Reservation arena, FrameTables frames,
                             std::optional<PageOwners> owners, PerCpuCounters events,
                             Memblock memblock, const PageAllocatorConfig& config)
    : arena_(std::move(arena)),
      frames_(std::move(frames)),
      memmap_(frames_.memmap(arena_.base())),
      memblock_(std::move(memblock)),
      zones_(config.zones),
      directly_mapped_(has_zone(config.zones, ZoneType::kHighmem) ? kHighmemStart
                                                                  : Pfn(0) + memmap_.page_count()),
      mappable_(config.mappable),
      owners_(std::move(owners)),
      filling_(config.filling),
      exact_claims_(!config.policy->finds_doubles),
      events_(std::move(events)),
      fail_page_alloc_(*config.reports),
      reports_(*config.reports),
      reclaim_(config.lockdep, config.out_of_memory),
      vm_lock_(config.lockdep, kVmLockKey),
      vm_(config.vm) {
  if (config.failures != nullptr) failures_.emplace(*config.failures, kFailureLimit);
  if (filling_.page_poison) std::memset(arena_.base(), kPagePoison, arena_.size_bytes());
  if (is_poisoned_while_free(arena_.size_bytes())) {
    for (const MemRange& range : memblock_.free_ranges()) {
      asan_poison(arena_.base() + range.start, range.size());
    }
  }
}

// Whoever has these addresses next may touch them.
PageAllocator::~PageAllocator() {
  if (is_poisoned_while_free(arena_.size_bytes())) {
    asan_unpoison(arena_.base(), arena_.size_bytes());
  }
}

// 1. The zones, down to their low watermarks;
// 2. under those in every zone, or in pieces that are too small, the request may go down to the min
//    mark, less what its flags open of the reserve;
// 3. if it may wait, shrinkers give back what they can do without, and the blocks that lie idle on
//    CPUs' lists go back too, where they count and merge;
// 4. if it must not fail, no mark stops it.
Pfn PageAllocator::take(Gfp asked, Order order, Nodes::Target target) {
  const Migratetype type = migratetype_of(asked);
  const ZoneType highest = nodes_->highest_of(asked);
  Pfn head = nodes_->take(order, type, highest, target,
                          [](const Zone& zone) { return std::optional(zone.watermarks().low); });
  if (head != kNoPfn) return head;
  const AllocScope scope = Task::current().alloc_scope();
  const Gfp gfp = gfp_in_scope(asked, scope);
  const auto min_mark = [gfp](const Zone& zone) {
    return min_mark_for(gfp, zone.watermarks().min);
  };
  head = nodes_->take(order, type, highest, target, min_mark);
  // Who is giving memory back asks nobody for more.
  if (head == kNoPfn && gfp.any(kGfpFlagDirectReclaim) && !includes(scope, AllocScope::kMemalloc)) {
    head = reclaim_and_take(gfp, order, target, min_mark);
  }
  if (head == kNoPfn && gfp.any(kGfpFlagNofail)) {
    head = nodes_->take(order, type, highest, target,
                        [](const Zone&) { return std::optional<PageCount>(); });
  }
  return head;
}

// As __alloc_pages_slowpath() from its direct reclaim on. Large orders go on while something comes
// back, where the kernel would move pages about; nobody is told that memory has run out for them,
// nor for who says that he can do without.
template <class Mark>
Pfn PageAllocator::reclaim_and_take(Gfp gfp, Order order, Nodes::Target target, Mark mark) {
  constexpr unsigned kMostRounds = 64;  // of a large order, or without memory
  const bool costly = order > rules::kCostlyOrder;
  const ZoneType highest = nodes_->highest_of(gfp);
  const PageCount wanted = std::max(order.pages(), Reclaim::kCluster);
  for (unsigned round = 0; round < kMostRounds; round += costly) {
    const auto [scanned, reclaimed] = reclaim_.round(wanted);
    const bool progress = reclaimed != PageCount(0);
    if (progress) {
      if (Zone* zone = nodes_->first_zone(highest, target)) zone->count_stall();
      events_.add(PageEvent::kSlabsScanned, scanned.value());
    }
    if (drain_all() || progress) {
      const Pfn head = nodes_->take(order, migratetype_of(gfp), highest, target, mark);
      if (head != kNoPfn) return head;
    }
    if (gfp.any(kGfpFlagNoretry)) return kNoPfn;
    if (progress) continue;
    // Others may have memory yet, of which who insists on a node wants to know nothing.
    const bool tells_nobody = costly || target.only || gfp.any(kGfpFlagRetryMayfail);
    if (tells_nobody || !reclaim_.out_of_memory(gfp, order)) return kNoPfn;
    events_.add(PageEvent::kOomKill);
    ++round;
  }
  return kNoPfn;
}

// Nearly every request is served here: no owner, nothing to do to the block, and the list of this
// CPU that requests like it are served from has one. Until then, there is nothing but tables.
Page* PageAllocator::alloc_pages(Gfp gfp, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (gfp.any(kGfpFlagZero | kGfpFlagThisnode) || order.value() >= PcpLists::kColumns ||
      FaultPoint::may_fail()) [[unlikely]] {
    return alloc_owned_pages(gfp, order, PageOwner::kNobody, caller);
  }
  Frame head;
  if (!nodes_->pcp().pop(gfp, order, head)) [[unlikely]] {
    return alloc_owned_pages(gfp, order, PageOwner::kNobody, caller);
  }
  if (!memmap_.use_ticket(Pfn(head), order, state_of_request(gfp, order, PageOwner::kNobody)))
      [[unlikely]] {
    return alloc_instead(Pfn(head), gfp, order, caller);
  }
  RING3_TRACE4(mm_page_alloc, head, order.value(), gfp.bits(),
               static_cast<unsigned>(migratetype_of(gfp)));
  Page* page = &memmap_.page(Pfn(head));
  asan_unpoison(memmap_.address_of(*page), order.bytes());
  return page;
}

Page* PageAllocator::alloc_instead(Pfn dropped, Gfp gfp, Order order, uintptr_t caller) {
  nodes_->zone_of(memmap_.pageblock(dropped)).drop_popped(dropped, order);
  return alloc_owned_pages(gfp, order, PageOwner::kNobody, caller);
}

bool PageAllocator::admit(Gfp gfp, Order order, uintptr_t caller) {
  if (const auto misuse = misuse_of_request(gfp, order)) [[unlikely]] {
    reports_.report([&] { return bad_request_report(*misuse, gfp, order, caller); });
    return false;
  }
  if (!fail_page_alloc_.should_fail(gfp, order)) [[likely]]
    return true;
  events_.add(PageEvent::kAllocFailure);
  return false;
}

Page* PageAllocator::alloc_owned_pages(Gfp gfp, Order order, PageOwner owner, uintptr_t caller) {
  if (!admit(gfp, order, caller)) return nullptr;
  return alloc_admitted(gfp, order, nodes_->target_of(gfp), owner, caller);
}

Page* PageAllocator::alloc_pages_node(unsigned node, Gfp gfp, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (node >= nodes_->count()) {
    reports_.report([&] { return bad_node_report(node, nodes_->count(), gfp, order, caller); });
    return nullptr;
  }
  if (!admit(gfp, order, caller)) return nullptr;
  Nodes::Target target = nodes_->target_of(gfp);
  target.node = node;
  return alloc_admitted(gfp, order, target, PageOwner::kNobody, caller);
}

Page* PageAllocator::alloc_admitted(Gfp gfp, Order order, Nodes::Target target, PageOwner owner,
                                    uintptr_t caller) {
  const Pfn head = take(gfp, order, target);
  if (head == kNoPfn) {
    events_.add(PageEvent::kAllocFailure);
    if (!gfp.any(kGfpFlagNowarn)) tell_failure(gfp, order, caller);
    return nullptr;
  }
  const bool is_usual = target.node == target.home && !target.only;
  if (is_usual) nodes_->pcp().route(target.home, gfp, order, memmap_.pageblock(head));
  return &hand_out(head, order, gfp, owner, caller);
}

Page& PageAllocator::hand_out(Pfn head, Order order, Gfp gfp, PageOwner owner, uintptr_t caller,
                              bool may_wait) {
  // Until its state says whose it is, whoever frees the block frees it twice.
  Page& page = memmap_.page(head);
  fill_for_use(page, order, gfp);
  if (owners_) owners_->allocated(head, order, gfp, caller, may_wait);
  if (owner != PageOwner::kNobody) page.clear_owner_words();
  memmap_.set_state(head, state_of_request(gfp, order, owner));
  // After the state: who gets a reference finds a shared block.
  if (owner == PageOwner::kShared) page.refs.store(1, std::memory_order_release);
  RING3_TRACE4(mm_page_alloc, head.value(), order.value(), gfp.bits(),
               static_cast<unsigned>(migratetype_of(gfp)));
  return page;
}

void PageAllocator::fill_for_use(Page& page, Order order, Gfp gfp) {
  void* start = memmap_.address_of(page);
  asan_unpoison(start, order.bytes());
  if (filling_.page_poison && !is_poisoned(start, order.bytes())) [[unlikely]] {
    reports_.report([&] {
      return page_poison_report(start, order.bytes()) + page_description(memmap_, owners(), start);
    });
  }
  // What was zeroed when it was freed, or never used, is zero.
  const bool is_zero = filling_.init_on_free && !filling_.page_poison;
  const bool zero = gfp.any(kGfpFlagZero) || (filling_.init_on_alloc && !filling_.page_poison);
  if (zero && !is_zero) std::memset(start, 0, order.bytes());
}

void PageAllocator::fill_for_free(Page& page, Order order) {
  void* start = memmap_.address_of(page);
  if (filling_.page_poison) {
    std::memset(start, kPagePoison, order.bytes());
  } else if (filling_.init_on_free) {
    std::memset(start, 0, order.bytes());
  }
}

void PageAllocator::hide(Pfn head, Order order) {
  if (is_poisoned_while_free(arena_.size_bytes())) {
    asan_poison(memmap_.address_of(memmap_.page(head)), order.bytes());
  }
}

void PageAllocator::free_pages(Page* page, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (page == nullptr) [[unlikely]]
    return;
  if (!memmap_.contains(page)) [[unlikely]] {
    report_address(page, order, caller);
    return;
  }
  free_block(*page, order, caller);
}

inline void PageAllocator::free_block(Page& page, Order order, uintptr_t caller) {
  const Pfn pfn = memmap_.pfn_of(page);
  constexpr PageOwner kOwner = PageOwner::kNobody;
  if (!order.valid() || !(exact_claims_ ? memmap_.claim(pfn, order, kOwner)
                                        : memmap_.claim_unlocked(pfn, order, kOwner)))
      [[unlikely]] {
    if (order.valid() && memmap_.state(pfn).is_allocated(order, PageOwner::kShared)) {
      free_shared(page, order, caller);
    } else {
      report_free(page, order, kOwner, caller);
    }
    return;
  }
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

inline void PageAllocator::give_back(Pfn pfn, Order order, uintptr_t caller) {
  RING3_TRACE2(mm_page_free, pfn.value(), order.value());
  if (!filling_.any()) hide(pfn, order);
  if (!nodes_->pcp().push(memmap_.pageblock(pfn), pfn, order)) [[unlikely]]
    give_back_otherwise(pfn, order, caller);
}

void PageAllocator::release(Pfn pfn, Order order, uintptr_t caller) {
  give_back(pfn, order, caller);
}

void PageAllocator::give_back_otherwise(Pfn pfn, Order order, uintptr_t caller, bool may_wait) {
  if (filling_.any()) {
    fill_for_free(memmap_.page(pfn), order);
    hide(pfn, order);
  }
  if (owners_) owners_->freed(pfn, caller, may_wait);
  Zone& zone = nodes_->zone_of(memmap_.pageblock(pfn));
  may_wait ? zone.put(pfn, order) : zone.put_nolock(pfn, order);
}

void PageAllocator::report_address(const void* address, Order order, uintptr_t caller) {
  reports_.report([&] { return bad_address_report(memmap_, address, order, caller); });
}

void PageAllocator::report_free(const Page& page, Order order, PageOwner owner, uintptr_t caller) {
  const Pfn pfn = memmap_.pfn_of(page);
  const bool reserved =
      frames_within(memblock_.free_frames(), {pfn, pfn + PageCount(1)}) == PageCount(0);
  const PageMisuse misuse =
      reserved ? PageMisuse::kReserved : misuse_of_free(memmap_, page, order, owner);
  reports_.report([&] { return bad_page_report(misuse, memmap_, owners(), page, order, caller); });
}

void PageAllocator::free_pages_at(void* address, Order order) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (address == nullptr) return;
  Page* page = memmap_.page_of(address);
  if (page == nullptr) {
    report_address(address, order, caller);
  } else if (!is_aligned(reinterpret_cast<uintptr_t>(address), kPageSize)) {
    reports_.report([&] {
      return bad_page_report(PageMisuse::kNotAligned, memmap_, owners(), *page, order, caller);
    });
  } else {
    free_block(*page, order, caller);
  }
}

bool PageAllocator::drain_all() {
  bool drained = false;
  nodes_->for_each_zone([&](Zone& zone) { drained |= zone.drain_all(); });
  return drained;
}

void PageAllocator::cpu_dead(unsigned cpu) {
  nodes_->for_each_zone([cpu](Zone& zone) { zone.drain_cpu(cpu); });
}

void PageAllocator::cpu_online(unsigned cpu) {
  nodes_->for_each_zone([cpu](Zone& zone) { zone.bring_up_cpu(cpu); });
}

// Blocks that came from a CPU's list, and those that a free put there, are counted by the list; of
// what was freed twice at once, the second is neither.
uint64_t PageAllocator::count_of(PageEvent event) const {
  uint64_t count = events_.sum(event);
  if (event == PageEvent::kMmPageAlloc) {
    count += nodes_->taken_directly() + nodes_->pcp_counts().pops -
             events_.sum(PageEvent::kFreedTwiceOnAlloc);
  }
  if (event == PageEvent::kMmPageFree) {
    count += nodes_->pcp_counts().pushes() - events_.sum(PageEvent::kPcpRefill) -
             events_.sum(PageEvent::kFreedTwice);
  }
  return count;
}

VmSettings PageAllocator::vm() const {
  lockdep::SpinlockGuard guard(vm_lock_);
  return vm_;
}

Status PageAllocator::set_vm(const VmSettings& vm) {
  lockdep::SpinlockGuard guard(vm_lock_);
  if (vm.percpu_pagelist_high_fraction != vm_.percpu_pagelist_high_fraction) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("vm.percpu_pagelist_high_fraction stays {}: it sizes CPUs' lists when "
                             "an allocator is made",
                             vm_.percpu_pagelist_high_fraction)};
  }
  vm_ = vm;
  nodes_->set_vm(vm);
  return {};
}

// As warn_alloc().
void PageAllocator::tell_failure(Gfp gfp, Order order, uintptr_t caller) {
  if (!failures_) return;
  failures_->report([&] {
    return fmt::format(
        "{}: page allocation failure: order:{}, mode:{:#x}({}), nodemask=(null)\n"
        "{}\n"
        "Call Trace:\n{}"
        "{}",
        Task::current().name(), order.value(), gfp.bits(), to_string(gfp),
        Task::current().whereabouts(), describe_stack(StackTrace::capture(caller).frames()),
        mem_info());
  });
}

std::vector<ZoneFacts> PageAllocator::zone_facts() const {
  std::vector<ZoneFacts> facts = nodes_->facts(vm());
  if (owners_) count_mixed_pageblocks(*owners_, memmap_, facts);
  return facts;
}

PageCount PageAllocator::report_leaks() {
  constexpr int kReportedInFull = 8;
  PageCount leaked{0};
  int reported = 0;
  for_each_allocated_block([&](const Page& page, FrameState state) {
    const bool reported_by_owner =
        state.owner() == PageOwner::kSlab || state.owner() == PageOwner::kLargeKmalloc;
    if (reported_by_owner) return true;
    leaked += state.order().pages();
    if (reported++ < kReportedInFull) {
      reports_.report_always(
          bad_page_report(PageMisuse::kLeaked, memmap_, owners(), page, state.order(), 0));
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
