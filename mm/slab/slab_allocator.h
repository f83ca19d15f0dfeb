#pragma once

// All caches of one arena: those that callers create, and kmalloc's.

#include <memory>
#include <string>
#include <vector>

#include "lib/cpu/fault.h"
#include "lib/cpu/limited_reports.h"
#include "lib/reservation.h"
#include "lockdep/lockdep.h"
#include "mm/slab/kmalloc.h"
#include "mm/slab/kmem_cache.h"

namespace ring3::mm {

struct SlabAllocatorConfig {
  lockdep::Lockdep* lockdep = nullptr;
  ReportSink* reports = &stderr_report_sink();
  const Topology* topology = &Topology::host();  // outlives the allocator
};

// Its free slabs come back when memory is short: it is a shrinker of the page allocator.
class SlabAllocator final : private Shrinker {
 public:
  // kNoResource when the host refuses address space. `pages` outlives the allocator.
  static Result<std::unique_ptr<SlabAllocator>> create(PageAllocator& pages,
                                                       const SlabAllocatorConfig& config);

  ~SlabAllocator() override;
  SlabAllocator(const SlabAllocator&) = delete;
  SlabAllocator& operator=(const SlabAllocator&) = delete;

  // A new cache, which belongs to the allocator. kInvalidArgument when a field of `config` is
  // outside its limits or the name is taken.
  Result<KmemCache*> create_cache(const CacheConfig& config) EXCLUDES(lock_);

  // Ends a cache nobody uses any more and returns 0. When objects are still in use they are
  // reported, the cache stays, and their number is returned. Null is nothing; what is no cache (any
  // more) is reported.
  uint64_t destroy_cache(KmemCache* cache) EXCLUDES(lock_) __attribute__((noinline));

  Kmalloc& kmalloc() { return kmalloc_; }

  // Gives the free slabs of all caches back; returns how many pages that were.
  PageCount shrink_all() EXCLUDES(lock_);
  // Ends all caches, reports what is still in use and returns how many objects that is.
  uint64_t shutdown() EXCLUDES(lock_);

  // The text of /proc/slabinfo.
  std::string slabinfo() const EXCLUDES(lock_);
  uint64_t active_objects() const EXCLUDES(lock_);
  // Mistakes of callers so far. Each is reported, up to the limit of LimitedReports.
  uint64_t misuses() const { return reports_.count(); }
  size_t count_faults() const EXCLUDES(lock_);

  SlabEvents& events() { return events_; }
  const SlabEvents& events() const { return events_; }
  FaultPoint& failslab() { return failslab_; }

 private:
  SlabAllocator(PageAllocator& pages, os::Reservation in_use_words, PerCpuCounters events,
                const SlabAllocatorConfig& config);
  Status check_config_locked(const CacheConfig& config) const REQUIRES(lock_);
  // As a Shrinker: the pages of free slabs.
  PageCount count() const override {
    return PageCount(free_pages_.load(std::memory_order_relaxed));
  }
  PageCount scan(PageCount most) override EXCLUDES(lock_);
  PageCount shrink_locked(PageCount most) REQUIRES(lock_);
  // Calls visit(KmemCache&) for kmalloc's caches and then the callers'.
  template <class Visit>
  void for_each_cache_locked(Visit visit) const REQUIRES(lock_);

  os::Reservation in_use_words_;
  SlabEvents events_;
  LimitedReports reports_;
  FaultPoint failslab_{"failslab"};
  Atomic<uint64_t> free_pages_{0};
  const SlabContext context_;
  Kmalloc kmalloc_;

  mutable lockdep::Mutex lock_;
  std::vector<std::unique_ptr<KmemCache>> caches_ GUARDED_BY(lock_);
};

}  // namespace ring3::mm
