#include "mm/slab/slab_allocator.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/stack_trace.h"

namespace ring3::mm {
namespace {

constexpr lockdep::LockClassKey kSlabMutexKey{"slab_mutex"};
constexpr size_t kMaxNameLength = 128;  // slabtop reads no longer ones

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameLength &&
         name.find_first_of(" \t\n") == std::string::npos;
}

}  // namespace

Result<std::unique_ptr<SlabAllocator>> SlabAllocator::create(PageAllocator& pages,
                                                             const SlabAllocatorConfig& config) {
  const size_t words = pages.memmap().page_count().value() * kInUseWordsPerPage;
  Result<os::Reservation> in_use = os::reserve(words * sizeof(uint64_t), sizeof(uint64_t));
  if (!in_use) return in_use.error();
  Result<PerCpuCounters> events = SlabEvents::create_counters(*config.topology);
  if (!events) return events.error();
  std::unique_ptr<SlabAllocator> slabs(
      new SlabAllocator(pages, std::move(*in_use), std::move(*events), config));
  if (Status added = pages.reclaim().add(*slabs); !added) return added.error();
  return slabs;
}

SlabAllocator::~SlabAllocator() { context_.pages.reclaim().remove(*this); }

SlabAllocator::SlabAllocator(PageAllocator& pages, os::Reservation in_use_words,
                             PerCpuCounters events, const SlabAllocatorConfig& config)
    : in_use_words_(std::move(in_use_words)),
      events_(std::move(events)),
      reports_(*config.reports),
      context_{.pages = pages,
               .in_use_words = reinterpret_cast<uint64_t*>(in_use_words_.base()),
               .events = events_,
               .failslab = failslab_,
               .reports = reports_,
               .free_pages = free_pages_,
               .lockdep = config.lockdep,
               .topology = *config.topology},
      kmalloc_(context_),
      lock_(config.lockdep, kSlabMutexKey) {}

Status SlabAllocator::check_config_locked(const CacheConfig& config) const {
  const auto refusal = [&config](std::string reason) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("cache '{}' is not possible: {}", config.name, reason)};
  };
  if (!is_name(config.name)) {
    return refusal(fmt::format("a name has 1 to {} characters and no blanks", kMaxNameLength));
  }
  if (config.object_size == 0 || config.object_size > kMaxObjectBytes) {
    return refusal(
        fmt::format("objects of {} bytes; use 1 to {}", config.object_size, kMaxObjectBytes));
  }
  if (config.align > kPageSize || (config.align != 0 && !is_power_of_two(config.align))) {
    return refusal(
        fmt::format("alignment {}; use a power of two up to {}, or 0", config.align, kPageSize));
  }
  bool taken = false;
  for_each_cache_locked([&](KmemCache& cache) { taken |= cache.name() == config.name; });
  return taken ? Status(refusal("the name is taken")) : Status();
}

Result<KmemCache*> SlabAllocator::create_cache(const CacheConfig& config) {
  lockdep::MutexGuard guard(lock_);
  if (Status status = check_config_locked(config); !status) return status.error();
  caches_.push_back(std::make_unique<KmemCache>(context_, config));
  return caches_.back().get();
}

uint64_t SlabAllocator::destroy_cache(KmemCache* cache) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (cache == nullptr) return 0;
  lockdep::MutexGuard guard(lock_);
  const auto found = std::find_if(caches_.begin(), caches_.end(),
                                  [cache](const auto& owned) { return owned.get() == cache; });
  if (found == caches_.end()) {
    reports_.report([&] { return destroy_report(cache, caller); });
    return 0;
  }
  const uint64_t remaining = cache->shutdown();
  if (remaining == 0) caches_.erase(found);
  return remaining;
}

template <class Visit>
void SlabAllocator::for_each_cache_locked(Visit visit) const {
  for (size_t i = 0; i < Kmalloc::kCaches; ++i) visit(kmalloc_.cache(i));
  for (const auto& cache : caches_) visit(*cache);
}

PageCount SlabAllocator::shrink_all() {
  lockdep::MutexGuard guard(lock_);
  return shrink_locked(PageCount::max());
}

PageCount SlabAllocator::shrink_locked(PageCount most) {
  PageCount released{0};
  for_each_cache_locked([&](KmemCache& cache) {
    if (released < most) released += cache.shrink(most - released);
  });
  return released;
}

// Whoever has the lock makes or ends a cache, or is at it already.
PageCount SlabAllocator::scan(PageCount most) {
  if (!lock_.try_lock()) return PageCount(0);
  const PageCount released = shrink_locked(most);
  lock_.unlock();
  return released;
}

uint64_t SlabAllocator::shutdown() {
  lockdep::MutexGuard guard(lock_);
  uint64_t remaining = kmalloc_.report_large_objects();
  for_each_cache_locked([&](KmemCache& cache) { remaining += cache.shutdown(); });
  return remaining;
}

std::string SlabAllocator::slabinfo() const {
  lockdep::MutexGuard guard(lock_);
  std::string text = slabinfo_header();
  for_each_cache_locked([&](KmemCache& cache) { text += cache.slabinfo(); });
  return text;
}

uint64_t SlabAllocator::active_objects() const {
  lockdep::MutexGuard guard(lock_);
  uint64_t active = kmalloc_.large_objects();
  for_each_cache_locked([&](KmemCache& cache) { active += cache.active_objects(); });
  return active;
}

size_t SlabAllocator::count_faults() const {
  lockdep::MutexGuard guard(lock_);
  size_t faults = 0;
  for_each_cache_locked([&](KmemCache& cache) { faults += cache.count_faults(); });
  return faults;
}

}  // namespace ring3::mm
