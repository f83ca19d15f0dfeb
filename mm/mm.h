#pragma once

// What net and the harness may use of mm, and the memory of one machine: an arena, its page
// allocator and its caches. An object, not a global: a test makes a small one in microseconds, and
// closing it proves that nothing leaked.

#include <memory>
#include <string>

#include "mm/heap/heaps.h"
#include "mm/pages/pages.h"
#include "mm/slab/slabs.h"

namespace ring3::mm {

struct MemoryConfig {
  size_t size_bytes = size_t{256} << 20;  // a multiple of kArenaGranule (4 MiB)
  lockdep::Lockdep* lockdep = nullptr;    // checks every lock of this memory; null: nobody does
  ReportSink* reports = &stderr_report_sink();
  const Topology* topology = &Topology::host();  // outlives the memory
  const PagePolicy* policy = &kKernelPolicy;     // outlives the memory
  ZoneSet zones = ZoneSet::kX86_64;              // as PageAllocatorConfig's
  VmSettings vm{};                               // how much is kept back
  const Memblock* memblock = nullptr;            // as PageAllocatorConfig's
  ReportSink* failures = &stderr_report_sink();  // as PageAllocatorConfig's; may be null
  bool mappable = false;                         // pages can be mapped in a WindowBreak
  bool page_owner = false;      // reports of pages name who allocated or freed them last
  PageFilling filling{};        // what free and fresh pages are filled with
  OutOfMemory out_of_memory{};  // asked before a small request is refused; may be empty
};

// What close() found still in use.
struct Leaks {
  uint64_t objects = 0;
  PageCount pages{0};  // those in no slab and no object
  bool none() const { return objects == 0 && pages == PageCount(0); }
};

class Memory {
 public:
  // kInvalidArgument for an impossible size, kNoResource when the host refuses.
  static Result<std::unique_ptr<Memory>> create(const MemoryConfig& config = {});

  // Closes if the owner has not.
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  PageAllocator& pages() { return *pages_; }
  SlabAllocator& slabs() { return *slabs_; }

  // Shorthands for what most callers want; see Kmalloc and SlabAllocator.
  // Inline always: the call site that they report is their caller's.
  [[gnu::always_inline]] void* kmalloc(size_t bytes, Gfp gfp) {
    return slabs_->kmalloc().kmalloc(bytes, gfp);
  }
  [[gnu::always_inline]] void kfree(const void* object) { slabs_->kmalloc().kfree(object); }
  Result<KmemCache*> create_cache(const CacheConfig& config) {
    return slabs_->create_cache(config);
  }
  [[gnu::always_inline]] uint64_t destroy_cache(KmemCache* cache) {
    return slabs_->destroy_cache(cache);
  }

  // A CPU of the (simulated) topology has gone, or one has come that was not there at the start.
  void cpu_dead(unsigned cpu) { pages_->cpu_dead(cpu); }
  void cpu_online(unsigned cpu) { pages_->cpu_online(cpu); }

  // Mistakes of callers reported so far, and broken invariants found by walking everything.
  uint64_t misuses() const { return pages_->misuses() + slabs_->misuses(); }
  size_t count_faults() const { return pages_->count_faults() + slabs_->count_faults(); }

  // Ends all caches and reports what is still in use. Nobody may use the memory any more, but its
  // counters and texts can still be read. Later calls return what the first one found.
  Leaks close();

 private:
  Memory(std::unique_ptr<PageAllocator> pages, std::unique_ptr<SlabAllocator> slabs)
      : pages_(std::move(pages)), slabs_(std::move(slabs)) {}

  std::unique_ptr<PageAllocator> pages_;
  std::unique_ptr<SlabAllocator> slabs_;
  bool closed_ = false;
  Leaks leaks_;
};

}  // namespace ring3::mm
