#include "harness/stress/machine.h"

#include "lib/asan.h"

namespace ring3::harness {

Result<std::unique_ptr<Machine>> Machine::create(const StressOptions& options,
                                                 const Topology& topology) {
  auto sink = std::make_unique<ReportCounter>(stderr_report_sink());
  auto lockdep = lockdep::Lockdep::create(*sink);
  if (!lockdep) return lockdep.error();
  mm::Memblock memblock;
  memblock.add({0, options.memory_bytes});
  for (const mm::MemRange& range : options.reserved) memblock.reserve(range);
  auto memory = mm::Memory::create({.size_bytes = options.memory_bytes,
                                    .lockdep = lockdep->get(),
                                    .reports = sink.get(),
                                    .topology = &topology,
                                    .policy = options.policy,
                                    .zones = options.zones,
                                    .vm = options.vm,
                                    .memblock = &memblock,
                                    .mappable = options.workers_of(WorkloadKind::kHeap) != 0,
                                    .page_owner = options.page_owner || kHaveAsan,
                                    .filling = options.filling});
  if (!memory) return memory.error();
  return std::unique_ptr<Machine>(
      new Machine(std::move(sink), std::move(*lockdep), std::move(*memory)));
}

std::vector<NamedCount> Machine::tracepoints() const {
  using mm::PageEvent;
  using mm::SlabEvent;
  const auto page = [this](PageEvent event) { return memory_->pages().count_of(event); };
  const auto slab = [this](SlabEvent event) { return memory_->slabs().events().sum(event); };
  return {{"mm_page_alloc", page(PageEvent::kMmPageAlloc)},
          {"mm_page_free", page(PageEvent::kMmPageFree)},
          {"mm_page_alloc_zone_locked", page(PageEvent::kMmPageAllocZoneLocked)},
          {"mm_page_pcpu_drain", page(PageEvent::kMmPagePcpuDrain)},
          {"kmem_cache_alloc", slab(SlabEvent::kKmemCacheAlloc)},
          {"kmem_cache_free", slab(SlabEvent::kKmemCacheFree)},
          {"kmalloc", slab(SlabEvent::kKmalloc)},
          {"kfree", slab(SlabEvent::kKfree)},
          {"tcp_retransmit_skb", tcp_retransmits_}};
}

}  // namespace ring3::harness
