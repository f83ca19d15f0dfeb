#pragma once

// A cache of objects of one size: slabs of pages, each full, partial or free.
//
// An allocation takes from a partial slab first, then a free one, and asks the page allocator for a
// new one last; so slabs tend to be full or free, and free ones can go back. Bonwick, "The Slab
// Allocator: An Object-Caching Kernel Memory Allocator", USENIX 1994.

#include <array>
#include <optional>
#include <string>

#include "lib/cpu/atomic.h"
#include "lib/cpu/fault.h"
#include "lib/cpu/limited_reports.h"
#include "lockdep/lockdep.h"
#include "mm/pages/pages.h"
#include "mm/slab/slab.h"
#include "mm/slab/slab_events.h"
#include "mm/slab/slab_report.h"

namespace ring3::mm {

// Where the slabs of a cache lie (SLAB_CACHE_DMA, SLAB_CACHE_DMA32). An object is in the zone of
// its cache: zone flags of a single allocation cannot move it.
enum class CacheZone : uint8_t { kNormal, kDma, kDma32 };

struct CacheConfig {
  std::string name;        // 1 to 128 characters, no blanks: it appears in slabinfo
  size_t object_size = 0;  // bytes, 1 to kMaxObjectBytes
  size_t align = 0;        // a power of two up to a page, or 0 for a word
  CacheAlign how = CacheAlign::kNatural;
  // Runs once for each object when its slab is made, never at an allocation; a freed object must
  // be as constructed, so that its next user finds it ready. Called without locks; must not
  // allocate from this cache. Null: none.
  void (*ctor)(void* object) = nullptr;
  CacheZone zone = CacheZone::kNormal;
};

// What the caches of one arena share. Everything outlives them.
struct SlabContext {
  PageAllocator& pages;
  uint64_t* in_use_words;  // kInUseWordsPerPage for each page of the arena
  SlabEvents& events;
  FaultPoint& failslab;
  LimitedReports& reports;
  Atomic<uint64_t>& free_pages;  // of slabs that are wholly free
  lockdep::Lockdep* lockdep;
  const Topology& topology;
};

class KmemCache {
 public:
  // `config` has been checked (SlabAllocator::create_cache does).
  KmemCache(const SlabContext& context, const CacheConfig& config);
  KmemCache(const KmemCache&) = delete;
  KmemCache& operator=(const KmemCache&) = delete;
  // Slabs with leaked objects stay allocated; their arena is about to go.
  ~KmemCache();

  // An object, or null when there is no memory for a new slab or failslab says so. Constructed if
  // the cache has a constructor, even with __GFP_ZERO, which is then reported; else as it was
  // freed, or zero with __GFP_ZERO. Zone flags say nothing: see CacheZone.
  void* alloc(Gfp gfp = kGfpKernel) __attribute__((noinline));

  // Gives an object back. A pointer that is no object of this cache, or is free already, is
  // reported and changes nothing; of two that free one object at the same moment, one succeeds and
  // the other is reported. Null is allowed.
  void free(void* object) __attribute__((noinline));

  // Gives free slabs back to the page allocator, until `most` pages have gone or there are none;
  // returns how many pages that were.
  PageCount shrink(PageCount most = PageCount::max()) EXCLUDES(lock_);

  // shrink(), and a report of the objects still in use. Returns their number.
  uint64_t shutdown() EXCLUDES(lock_);

  const std::string& name() const { return name_; }
  const CacheLayout& layout() const { return layout_; }
  uint64_t active_objects() const EXCLUDES(lock_);
  // The cache's line of /proc/slabinfo.
  std::string slabinfo() const EXCLUDES(lock_);
  // Checks every slab of every list and counts what is wrong: 0 when all is well.
  size_t count_faults() const EXCLUDES(lock_);

 private:
  friend class Kmalloc;

  using SlabList = List<Page, &Page::list>;

  // alloc and free without their tracepoints, shared with kmalloc. `usable_bytes` <= object_size
  // is what the caller asked for and ASan lets it touch. free_object: false when it reported.
  void* alloc_object(Gfp gfp, size_t usable_bytes, uintptr_t caller) EXCLUDES(lock_);
  bool free_object(void* object, Page* head, uintptr_t caller) EXCLUDES(lock_);

  void* take_object() EXCLUDES(lock_);
  void* take_from_new_slab(Gfp gfp, uintptr_t caller) EXCLUDES(lock_);
  void* take_from_locked(Page& page) REQUIRES(lock_);
  Page* make_slab(Gfp gfp, uintptr_t caller) EXCLUDES(lock_);
  void construct_objects(Page& page, uint32_t colour_offset);
  void release_slab(Page& page, uintptr_t caller) EXCLUDES(lock_);
  bool is_ours_locked(const Page* head) const REQUIRES(lock_);
  // Frees one object of our slab at `head`: null, or what is wrong with it. `surplus` is the slab
  // if it is now free and one too many, which is then nobody's.
  const char* put_object_locked(void* object, Page& head, Page*& surplus) REQUIRES(lock_);
  // Where a slab goes after an object of it was freed; returns the slab when it is one too many.
  Page* relist_after_free_locked(Page& page, bool was_full) REQUIRES(lock_);
  void give_up_locked(Page& page) REQUIRES(lock_);
  // `slabs` more have become free, or fewer.
  void count_free_locked(int slabs) REQUIRES(lock_);

  void report_bad_free(const char* reason, void* object, Page* head, uintptr_t caller)
      EXCLUDES(lock_);
  // What a report says of our slab at `head`; nothing when it is not ours (any more).
  std::optional<SlabFacts> facts_of(const Page& head) const EXCLUDES(lock_);

  BitmapView in_use_bits(const Page& page) const {
    return {context_.in_use_words + context_.pages.pfn_of(&page).value() * kInUseWordsPerPage,
            layout_.objects};
  }
  size_t count_list_faults(const SlabList& list, uint32_t least, uint32_t most) const
      REQUIRES(lock_);

  const SlabContext context_;
  const std::string name_;
  const CacheLayout layout_;
  void (*const ctor_)(void*);
  const Gfp zone_flags_;
  Atomic<uint32_t> next_colour_{0};

  mutable lockdep::Spinlock lock_;
  SlabList full_ GUARDED_BY(lock_);
  SlabList partial_ GUARDED_BY(lock_);
  SlabList free_ GUARDED_BY(lock_);
  uint64_t slabs_ GUARDED_BY(lock_) = 0;
  uint64_t free_slabs_ GUARDED_BY(lock_) = 0;
  uint64_t active_objects_ GUARDED_BY(lock_) = 0;
};

}  // namespace ring3::mm
