#include "harness/replay/replay_run.h"

#include <utility>

namespace ring3::harness {

Result<ReplayRun> ReplayRun::create(mm::Memory& memory, const Trace& trace, const ReplayPlan& plan,
                                    PageTypes& types) {
  ReplayRun run(memory, plan, types);
  for (size_t i = 0; i < plan.cache_bytes.size(); ++i) {
    run.caches_.push_back(nullptr);
    if (plan.cache_bytes[i] == 0) continue;  // only frees named it
    // kmalloc's own caches have their names already; a trace may show objects of them.
    const std::string& name = trace.caches[i];
    const bool is_ours = name.find("kmalloc-") != std::string::npos;
    auto cache = memory.create_cache({.name = is_ours ? "trace:" + name : name,
                                      .object_size = plan.cache_bytes[i],
                                      .align = 0,
                                      .how = mm::CacheAlign::kNatural,
                                      .ctor = nullptr});
    if (!cache) return cache.error();
    run.caches_.back() = *cache;
  }
  return run;
}

void ReplayRun::carry_out(std::span<const ReplayStep> steps) {
  for (const ReplayStep& step : steps) {
    switch (step.action) {
      case ReplayStep::Action::kAlloc:
        objects_[step.slot] = allocate(step);
        allocations_[step.slot] = &step;
        if (objects_[step.slot] == nullptr) ++failed_allocs_;
        break;
      case ReplayStep::Action::kFree:
        if (void* object = std::exchange(objects_[step.slot], nullptr)) free(step, object);
        break;
      case ReplayStep::Action::kSplit:
        split(step);
        break;
      case ReplayStep::Action::kFreeNull:
        memory_.kfree(nullptr);
        break;
    }
  }
}

void* ReplayRun::allocate(const ReplayStep& step) {
  switch (step.kind) {
    case TraceEventKind::kMmPageAlloc:
      return allocate_pages(step);
    case TraceEventKind::kKmalloc:
      // The traced kernel has dropped these too, and said so in its own log.
      return memory_.kmalloc(step.bytes, step.gfp - (mm::kGfpFlagDma32 | mm::kGfpFlagHighmem));
    default:
      return caches_[step.cache]->alloc(step.gfp);
  }
}

mm::Page* ReplayRun::allocate_pages(const ReplayStep& step) {
  mm::PageAllocator& pages = memory_.pages();
  mm::Page* page = pages.alloc_pages(step.gfp - mm::kGfpFlagZero, mm::Order(step.order));
  if (page != nullptr) types_.set(pages.pfn_of(page), mm::migratetype_of(step.gfp));
  return page;
}

void ReplayRun::split(const ReplayStep& step) {
  auto* page = static_cast<mm::Page*>(objects_[step.slot]);
  if (page == nullptr) return;
  const mm::Order half(step.order);
  memory_.pages().split_pages(page, half.higher(), half);
  mm::Page* upper = page + half.pages().value();
  types_.set(memory_.pages().pfn_of(upper), types_.of(memory_.pages().pfn_of(page)));
  objects_[step.upper_slot] = upper;
  allocations_[step.slot] = allocations_[step.upper_slot] = &step;
}

void ReplayRun::free(const ReplayStep& allocation, void* object) {
  switch (allocation.kind) {
    case TraceEventKind::kMmPageAlloc:
      memory_.pages().free_pages(static_cast<mm::Page*>(object), mm::Order(allocation.order));
      break;
    case TraceEventKind::kKmalloc:
      memory_.kfree(object);
      break;
    default:
      caches_[allocation.cache]->free(object);
      break;
  }
}

void ReplayRun::free_all() {
  for (size_t slot = 0; slot < objects_.size(); ++slot) {
    if (void* object = std::exchange(objects_[slot], nullptr)) free(*allocations_[slot], object);
  }
}

}  // namespace ring3::harness
