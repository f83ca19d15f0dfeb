#include "mm/pages/zone.h"

#include <utility>

#include "lib/bits.h"
#include "lib/cpu/raw_spinlock.h"
#include "lib/cpu/task.h"
#include "lib/tracepoint.h"
#include "mm/pages/kernel_rules.h"
#include "mm/pages/page_report.h"

namespace ring3::mm {
namespace {

constexpr lockdep::LockClassKey kDrainLockKey{"zone->drain_lock"};

// The pages of each of a zone's regions: one for each of the CPUs, but none smaller than the policy
// wants them.
uint64_t region_pages(PageCount managed, unsigned cpus, const PagePolicy& policy) {
  const uint64_t most = std::max<uint64_t>(1, managed / policy.smallest_region);
  return align_up(div_round_up(managed.value(), std::min<uint64_t>(most, cpus)),
                  kMaxOrder.pages().value());
}

}  // namespace

Result<std::unique_ptr<Zone>> Zone::create(const Memmap& memmap, const ZoneConfig& config,
                                           PageEvents& events, LimitedReports& reports) {
  Result<PerCpuCounters> counters = ZoneEvents::create_counters(*config.topology);
  if (!counters) return counters.error();
  std::unique_ptr<Zone> zone(new Zone(memmap, config, std::move(*counters), events, reports));
  const PageCount pages(zone->region_pages_);
  for (Pfn start = config.start; start < config.end; start = start + pages) {
    const Pfn end = std::min(start + pages, config.end);
    auto blocks = config.policy->make(memmap, start, end);
    if (!blocks) return blocks.error();
    zone->regions_.push_back(std::make_unique<FreeRegion>(config.lockdep, PfnRange{start, end},
                                                          config.free, std::move(*blocks)));
  }
  return zone;
}

Zone::Zone(const Memmap& memmap, const ZoneConfig& config, PerCpuCounters counters,
           PageEvents& events, LimitedReports& reports)
    : node_(config.node),
      type_(config.type),
      start_(config.start),
      end_(config.end),
      present_(config.present),
      managed_(config.managed[static_cast<size_t>(config.type)]),
      pcp_fraction_(config.vm.percpu_pagelist_high_fraction),
      memmap_(memmap),
      events_(events),
      events_of_zone_(std::move(counters)),
      named_by_home_(config.topology->node_count()),
      reports_(reports),
      owners_(config.owners),
      pcp_(config.pcp),
      cpus_(config.cpus),
      online_cpus_(config.topology->online_count()),
      drain_lock_(config.lockdep, kDrainLockKey),
      deferred_(memmap),
      region_pages_(region_pages(config.end - config.start, config.cpus, *config.policy)) {
  set_vm(config.managed, config.lowmem, config.vm);
}

Watermarks Zone::watermarks() const {
  const auto mark = [this](size_t i) {
    return PageCount(watermarks_[i].load(std::memory_order_relaxed));
  };
  return {.min = mark(0), .low = mark(1), .high = mark(2), .promo = mark(3)};
}

void Zone::set_vm(const ZonePages& managed, PageCount lowmem, const VmSettings& vm) {
  const Watermarks marks = watermarks_of(type_, managed, lowmem, vm);
  const std::array pages = {marks.min, marks.low, marks.high, marks.promo};
  for (size_t i = 0; i < pages.size(); ++i) {
    watermarks_[i].store(pages[i].value(), std::memory_order_relaxed);
  }
  for (size_t highest = 0; highest < kZones; ++highest) {
    lowmem_reserve_[highest].store(
        lowmem_reserve(type_, static_cast<ZoneType>(highest), managed, vm).value(),
        std::memory_order_relaxed);
  }
}

uint64_t Zone::spare_racy(Order order, PageCount mark, ZoneType highest) const {
  const uint64_t needed =
      mark.value() + lowmem_reserve_[static_cast<size_t>(highest)].load(std::memory_order_relaxed);
  uint64_t free = 0;
  uint32_t orders = 0;
  for (const auto& region : regions_) {
    free += region->free_pages_racy();
    orders = std::max(orders, region->orders_racy());
  }
  return order.value() < orders && free > needed ? (free - needed) >> order.value() : 0;
}

Pfn Zone::take_cached(Order order, Migratetype type) {
  for (Frame head; list_of(order, type).pop(head);) {
    if (memmap_.use_ticket(Pfn(head), order, {})) return Pfn(head);
    drop_popped(Pfn(head), order);
  }
  return kNoPfn;
}

// One block for the caller and up to a batch less one for this CPU's list, if that is not closed.
Pfn Zone::take(Order order, Migratetype type, Reach reach, uint64_t most) {
  PcpList& list = list_of(order, type);
  std::array<Frame, kMaxPcpBatch> taken;
  const auto wanted = std::min<uint64_t>(most, std::max(pcp_batch(list.capacity()), uint32_t{1}));
  const std::span heads = std::span(taken).first(wanted);
  // A pageblock in use has no block of its own size.
  size_t count = 0;
  if (order < kPageblockOrder) count = take_free(order, type, Reach::kOwn, heads);
  if (count == 0) count = take_free(order, type, Reach::kWhole, heads);
  if (count == 0 && reach == Reach::kMixing) count = take_free(order, type, reach, heads);
  if (count == 0) return kNoPfn;
  count_taken(1, order);
  if (count > 1) {
    wake(list);
    const std::span rest = std::span(taken).subspan(1, count - 1);
    const uint32_t kept = list.fill(rest);
    events_.add(PageEvent::kPcpRefill, kept);
    put_back(order, rest.first(rest.size() - kept));
  }
  memmap_.set_state(Pfn(taken[0]), {});
  return Pfn(taken[0]);
}

size_t Zone::take_bulk(Migratetype type, std::span<Frame> heads) {
  constexpr Order kOrder(0);
  size_t count = 0;
  for (; count < heads.size(); ++count) {
    const Pfn head = take_cached(kOrder, type);
    if (head == kNoPfn) break;
    heads[count] = static_cast<Frame>(head.value());
  }
  const size_t cached = count;
  for (const Reach reach : {Reach::kOwn, Reach::kWhole, Reach::kMixing}) {
    for (size_t more = 1; more != 0 && count < heads.size(); count += more) {
      more = take_free(kOrder, type, reach, heads.subspan(count));
    }
  }
  count_taken(count - cached, kOrder);
  for (const Frame head : heads.subspan(cached, count - cached)) memmap_.set_state(Pfn(head), {});
  return count;
}

// A block that has a user though it is free was freed twice at once, and went back once before the
// second free wrote its ticket: its user keeps it, and the next ones are looked at.
size_t Zone::take_free(Order order, Migratetype type, Reach reach, std::span<Frame> heads,
                       bool may_wait) {
  if (may_wait) put_back_deferred();
  const size_t home = regions_.size() == 1 ? 0 : Task::current().cpu() % regions_.size();
  for (size_t at = 0; at < regions_.size();) {
    FreeRegion& region = *regions_[(home + at) % regions_.size()];
    const size_t count = order.value() < region.orders_racy()
                             ? region.take(order, type, reach, heads, may_wait)
                             : size_t{0};
    if (count == 0) {
      ++at;
      continue;
    }
    events_.add(PageEvent::kMmPageAllocZoneLocked, count);
    size_t unused = 0;
    for (const Frame head : heads.first(count)) {
      RING3_TRACE4(mm_page_alloc_zone_locked, head, order.value(), static_cast<unsigned>(type),
                   heads.size() > 1);
      if (memmap_.state(Pfn(head)) == FrameState()) [[likely]] {
        memmap_.set_state(Pfn(head), FrameState::pcp(order));
        heads[unused++] = head;
      } else {
        drop(Pfn(head), order);
      }
    }
    if (unused != 0) return unused;
  }
  return 0;
}

void Zone::put(Pfn head, Order order) {
  PcpList& list = list_of(order, memmap_.type_of(head));
  auto frame = static_cast<Frame>(head.value());
  if (list.push(frame)) return;
  if (list.capacity() != 0) {
    wake(list);
    // The list is full: its oldest go, since the newest are still in this CPU's cache. Or it is
    // being drained, or this thread has none: the block goes back alone.
    list.evict(pcp_batch(list.capacity()), [&](std::span<Frame> oldest) { flush(order, oldest); });
    if (list.push(frame)) return;
  }
  events_.add(PageEvent::kMmPageFree);
  put_back(order, {&frame, 1});
}

Pfn Zone::take_nolock(Order order, Migratetype type) {
  Frame taken = 0;
  size_t count = 0;
  PcpList& list = list_of(order, type);
  // Not pop(), which may wait where there are no sequences.
  list.evict(1, [&](std::span<Frame> oldest) {
    for (const Frame head : oldest) {
      taken = head;
      ++count;
    }
  });
  if (count != 0 && !memmap_.use_ticket(Pfn(taken), order, {})) {
    drop_popped(Pfn(taken), order);
    count = 0;
  }
  for (const Reach reach : {Reach::kOwn, Reach::kWhole, Reach::kMixing}) {
    if (count == 0) count = take_free(order, type, reach, {&taken, 1}, false);
  }
  if (count == 0) return kNoPfn;
  count_taken(1, order);
  memmap_.set_state(Pfn(taken), {});
  return Pfn(taken);
}

void Zone::put_nolock(Pfn head, Order order) {
  const auto frame = static_cast<Frame>(head.value());
  PcpList& list = list_of(order, memmap_.type_of(head));
  if (list.capacity() != 0 && list.fill({&frame, 1}) == 1) return;
  events_.add(PageEvent::kMmPageFree);
  deferred_.push(head);
}

void Zone::put_back_deferred() {
  if (deferred_.empty()) [[likely]]
    return;
  deferred_.take_all([this](Pfn head) {
    auto frame = static_cast<Frame>(head.value());
    put_back(memmap_.state(head).order(), {&frame, 1});
  });
}

void Zone::flush(Order order, std::span<Frame> heads) {
  events_.add(PageEvent::kMmPagePcpuDrain, heads.size());
  for ([[maybe_unused]] const Frame head : heads) {
    RING3_TRACE3(mm_page_pcpu_drain, head, order.value(),
                 static_cast<unsigned>(memmap_.type_of(Pfn(head))));
  }
  put_back(order, heads);
}

// Region by region, as they come.
void Zone::put_back(Order order, std::span<Frame> heads) {
  while (!heads.empty()) {
    const size_t region = region_of(heads.front());
    const uint64_t first = start_.value() + region * region_pages_;
    const bool last = region + 1 == regions_.size();
    const uint64_t pages = last ? end_.value() - first : region_pages_;
    const auto others = std::partition(heads.begin(), heads.end(),
                                       [&](Frame head) { return head - first < pages; });
    const std::span here(heads.begin(), others);
    const size_t put = regions_[region]->put(memmap_, order, here);
    for (const Frame head : here.subspan(put)) drop(Pfn(head), order);
    heads = {others, heads.end()};
  }
}

void Zone::drop(Pfn head, Order order) {
  events_.add(PageEvent::kFreedTwice);
  const Page& page = memmap_.page(head);
  reports_.report([&] {
    return bad_page_report(PageMisuse::kFreedTwiceAtOnce, memmap_, owners_, page, order, 0);
  });
}

void Zone::drop_popped(Pfn head, Order order) {
  events_.add(PageEvent::kFreedTwiceOnAlloc);
  drop(head, order);
}

// Under the lock, so that a drain comes before both steps, and finds the list shut, or after them,
// and sees both.
void Zone::wake(PcpList& list) {
  if (!list.is_shut()) return;
  lockdep::SpinlockGuard guard(drain_lock_);
  cached_.store(true, std::memory_order_relaxed);
  list.wake();
}

bool Zone::drain_all() {
  put_back_deferred();
  // Acquire: who finds the flag cleared finds the drain that has cleared it, unless that is over.
  if (!cached_.load(std::memory_order_acquire)) {
    if (drains_.load(std::memory_order_acquire) == 0) return false;
    for (Backoff backoff; drains_.load(std::memory_order_acquire) != 0;) backoff.pause(&drains_);
    return true;
  }
  drains_.fetch_add(1, std::memory_order_relaxed);
  {
    lockdep::SpinlockGuard guard(drain_lock_);
    cached_.store(false, std::memory_order_release);
  }
  const unsigned cpus = pcp_.front().cpus();
  for (unsigned cpu = 0; cpu < cpus; ++cpu) drain_cpu(cpu);
  // Release: who has waited finds the blocks where free blocks are.
  drains_.fetch_sub(1, std::memory_order_release);
  return true;
}

void Zone::drain_cpu(unsigned cpu) {
  PcpList::drain(pcp_, cpu, [this](size_t index, std::span<Frame> heads) {
    flush(PcpLists::order_of_index(index), heads);
  });
}

void Zone::bring_up_cpu(unsigned cpu) {
  for (PcpList& list : pcp_) list.bring_up(cpu);
}

PageCount Zone::free_pages() const {
  PageCount pages{0};
  for (const auto& region : regions_) pages += region->free_pages();
  return pages;
}

std::array<uint64_t, kOrders> Zone::free_blocks() const {
  std::array<uint64_t, kOrders> total{};
  for (const auto& region : regions_) {
    const auto blocks = region->free_blocks();
    for (size_t order = 0; order < kOrders; ++order) total[order] += blocks[order];
  }
  return total;
}

PageCount Zone::pcp_pages_racy() const {
  PageCount pages = deferred_.pages();
  for (size_t index = 0; index < pcp_.size(); ++index) {
    pages += PcpLists::order_of_index(index).pages() * pcp_[index].counts().depth;
  }
  return pages;
}

FreeBlocks::TypedBlocks Zone::free_blocks_by_type() const {
  FreeBlocks::TypedBlocks total{};
  for (const auto& region : regions_) {
    const auto blocks = region->free_blocks_by_type();
    for (size_t type = 0; type < kMigratetypes; ++type) {
      for (size_t order = 0; order < kOrders; ++order) total[type][order] += blocks[type][order];
    }
  }
  return total;
}

void Zone::count_taken(size_t blocks, Order order) {
  events_of_zone_.add(ZoneEvent::kAlloc, blocks);
  events_of_zone_.add(ZoneEvent::kAllocPages, blocks * order.pages().value());
}

void Zone::count_named(unsigned home, bool is_named) {
  named_by_home_[home].fetch_add(1, std::memory_order_relaxed);
  (is_named ? named_hit_ : named_miss_).fetch_add(1, std::memory_order_relaxed);
}

// Threads without a CPU are counted for node 0.
std::vector<uint64_t> Zone::allocations_by_home(const Topology& topology) const {
  std::vector<uint64_t> blocks(topology.node_count());
  for (unsigned cpu = 0; cpu <= events_of_zone_.cpus(); ++cpu) {
    uint64_t& of_node = blocks[cpu < topology.cpu_ids() ? topology.node_of(cpu) : 0];
    of_node += events_of_zone_.of_cpu(ZoneEvent::kAlloc, cpu);
    if (cpu == events_of_zone_.cpus()) break;
    for (const PcpList& list : pcp_) of_node += list.counts(cpu).pops;
  }
  for (size_t home = 0; home < blocks.size(); ++home) {
    blocks[home] -= std::min(named_by(static_cast<unsigned>(home)), blocks[home]);
  }
  return blocks;
}

StackCounts Zone::pcp_counts() const {
  StackCounts total;
  for (const PcpList& list : pcp_) total += list.counts();
  return total;
}

PagesetFacts Zone::pageset(unsigned cpu) const {
  const auto [high_min, high_max] =
      rules::pcp_high_pages(managed(), watermarks().low, cpus_, pcp_fraction_);
  PagesetFacts facts{.batch = rules::pcp_batch_pages(managed()),
                     .high_min = high_min,
                     .high_max = high_max,
                     .stat_threshold = stat_threshold(managed(), online_cpus_)};
  for (size_t index = 0; index < pcp_.size(); ++index) {
    const uint64_t pages = PcpLists::order_of_index(index).pages().value();
    facts.count += pcp_[index].counts(cpu).depth * pages;
    facts.high += pcp_[index].capacity() * pages;
  }
  return facts;
}

ZoneFacts Zone::facts() const {
  ZoneFacts facts{.node = node_,
                  .name = zone_name(type_),
                  .free = free_pages().value(),
                  .marks = watermarks(),
                  .spanned = (end_ - start_).value(),
                  .present = present_.value(),
                  .managed = managed().value(),
                  .start_pfn = start_.value(),
                  .free_blocks = free_blocks_by_type(),
                  .allocations = taken_directly(),
                  .allocated = events_of_zone_.sum(ZoneEvent::kAllocPages),
                  .stalls = events_of_zone_.sum(ZoneEvent::kAllocstall),
                  .numa_hit = named_hit_.load(std::memory_order_relaxed),
                  .numa_miss = named_miss_.load(std::memory_order_relaxed),
                  .numa_foreign = named_foreign_.load(std::memory_order_relaxed)};
  for (const auto& reserve : lowmem_reserve_) {
    facts.protection.push_back(reserve.load(std::memory_order_relaxed));
  }
  uint64_t cached = 0;
  for (unsigned cpu = 0; cpu < pcp_.front().cpus(); ++cpu) {
    facts.pagesets.push_back(pageset(cpu));
    cached += facts.pagesets.back().count;
  }
  for (size_t index = 0; index < pcp_.size(); ++index) {
    const uint64_t pops = pcp_[index].counts().pops;
    facts.allocations += pops;
    facts.allocated += pops * PcpLists::order_of_index(index).pages().value();
  }
  facts.in_use = facts.managed - std::min(facts.managed, facts.free + cached);
  for (Pfn pfn = start_; pfn < end_; pfn = pfn + kPageblockOrder.pages()) {
    ++facts.pageblocks[static_cast<size_t>(memmap_.type_of(pfn))];
  }
  return facts;
}

size_t Zone::count_faults() const {
  size_t faults = 0;
  for (const auto& region : regions_) faults += region->count_faults();
  return faults;
}

}  // namespace ring3::mm
