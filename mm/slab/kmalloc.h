#pragma once

// kmalloc: objects of any size, from one cache a size class up to two pages, and straight from the
// page allocator above.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "lib/cpu/atomic.h"
#include "mm/slab/kmem_cache.h"

namespace ring3::mm {

// The kernel's size classes. 96 and 192 fill the two widest gaps between the powers of two.
inline constexpr std::array<size_t, 13> kKmallocSizes{8,   16,  32,   64,   96,   128, 192,
                                                      256, 512, 1024, 2048, 4096, 8192};
inline constexpr size_t kKmallocMaxCacheBytes = kKmallocSizes.back();
inline constexpr size_t kKmallocMaxBytes = kMaxOrder.bytes();

// What kmalloc(0) returns (the kernel's ZERO_SIZE_PTR): not null, so not a failure; any access
// faults; kfree accepts it.
inline void* const kZeroSizePtr = reinterpret_cast<void*>(16);

// The index in kKmallocSizes of the smallest class that holds `bytes`, 1 to kKmallocMaxCacheBytes.
constexpr size_t kmalloc_index(size_t bytes) {
  if (bytes <= 8) return 0;
  if (bytes > 64 && bytes <= 96) return 4;
  if (bytes > 128 && bytes <= 192) return 6;
  const unsigned power = fls(bytes - 1);  // 2^power holds it
  if (power <= 6) return power - 3;
  return power == 7 ? 5 : power - 1;
}

class Kmalloc {
 public:
  explicit Kmalloc(const SlabContext& context);

  // `bytes` of memory, from zone DMA with __GFP_DMA, or null when there is none, failslab says so
  // or `bytes` is above kKmallocMaxBytes. Aligned to 8, and to `bytes` when that is a power of two
  // up to a page. Contents as they were left, or zero with __GFP_ZERO. __GFP_DMA32 and
  // __GFP_HIGHMEM are reported and have no effect: no kmalloc cache has slabs there
  // (mm/slab_common.c: kmalloc_fix_flags).
  void* kmalloc(size_t bytes, Gfp gfp) __attribute__((noinline));

  // Gives back what kmalloc returned; null and kZeroSizePtr are allowed. Anything else is reported
  // and changes nothing. Objects of a KmemCache may be freed here too, as in the kernel.
  void kfree(const void* object) __attribute__((noinline));

  // Those for any request, then as many for zone DMA, each by size.
  static constexpr size_t kCaches = 2 * kKmallocSizes.size();
  KmemCache& cache(size_t index) const { return *caches_[index]; }

  // Reports the objects of whole pages that are in use and returns their number. Nobody may
  // allocate or free meanwhile.
  uint64_t report_large_objects();

  uint64_t large_objects() const { return large_objects_.load(std::memory_order_relaxed); }

 private:
  void* alloc_large(size_t bytes, Gfp gfp, uintptr_t caller);
  bool free_large(Page& page, uintptr_t caller);
  bool free_any(void* object, uintptr_t caller);

  const SlabContext context_;
  std::array<std::unique_ptr<KmemCache>, kCaches> caches_;
  Atomic<uint64_t> large_objects_{0};
};

}  // namespace ring3::mm
