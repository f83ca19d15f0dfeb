#include "mm/slab/kmalloc.h"

#include <fmt/format.h>

#include "lib/asan.h"
#include "lib/stack_trace.h"
#include "lib/tracepoint.h"

namespace ring3::mm {
namespace {

static_assert(
    [] {
      for (size_t bytes = 1; bytes <= kKmallocMaxCacheBytes; ++bytes) {
        const size_t index = kmalloc_index(bytes);
        if (kKmallocSizes[index] < bytes) return false;
        if (index > 0 && kKmallocSizes[index - 1] >= bytes) return false;
      }
      return true;
    }(),
    "every size gets the smallest class that holds it");

// "kmalloc-64", "dma-kmalloc-2k"
std::string class_name(size_t size, CacheZone zone) {
  const char* prefix = zone == CacheZone::kDma ? "dma-" : "";
  return size < 1024 ? fmt::format("{}kmalloc-{}", prefix, size)
                     : fmt::format("{}kmalloc-{}k", prefix, size / 1024);
}

// Zones that no kmalloc cache lies in.
constexpr Gfp kForeignZones = kGfpFlagDma32 | kGfpFlagHighmem;

// Powers of two are aligned to themselves, as kmalloc promises; 96 and 192 to their largest power.
size_t class_align(size_t size) { return std::min(size & ~(size - 1), kPageSize); }

}  // namespace

Kmalloc::Kmalloc(const SlabContext& context) : context_(context) {
  for (size_t i = 0; i < kCaches; ++i) {
    const size_t size = kKmallocSizes[i % kKmallocSizes.size()];
    const CacheZone zone = i < kKmallocSizes.size() ? CacheZone::kNormal : CacheZone::kDma;
    caches_[i] = std::make_unique<KmemCache>(context, CacheConfig{.name = class_name(size, zone),
                                                                  .object_size = size,
                                                                  .align = class_align(size),
                                                                  .how = CacheAlign::kNatural,
                                                                  .ctor = nullptr,
                                                                  .zone = zone});
  }
}

void* Kmalloc::kmalloc(size_t bytes, Gfp gfp) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (gfp.any(kForeignZones)) [[unlikely]] {
    const Gfp used = gfp - kForeignZones;
    context_.reports.report([&] { return zone_flag_report(gfp, used, caller); });
    gfp = used;
  }
  void* object = kZeroSizePtr;
  size_t allocated = 0;
  if (bytes > kKmallocMaxCacheBytes) [[unlikely]] {
    object = alloc_large(bytes, gfp, caller);
    allocated = Order::for_bytes(bytes).bytes();
  } else if (bytes != 0) [[likely]] {
    const size_t first = gfp.any(kGfpFlagDma) ? kKmallocSizes.size() : 0;
    KmemCache& cache = *caches_[first + kmalloc_index(bytes)];
    object = cache.alloc_object(gfp, bytes, caller);
    allocated = cache.layout().stride;
  }
  if (object != nullptr) {
    RING3_TRACE5(kmalloc, caller, object, bytes, allocated, gfp.bits());
    context_.events.add(SlabEvent::kKmalloc);
  }
  return object;
}

void* Kmalloc::alloc_large(size_t bytes, Gfp gfp, uintptr_t caller) {
  Page* page = nullptr;
  if (bytes <= kKmallocMaxBytes) {
    const Gfp large_gfp = (gfp | kGfpFlagComp) - kGfpFlagMovable;
    page = context_.pages.alloc_owned_pages(large_gfp, Order::for_bytes(bytes),
                                            PageOwner::kLargeKmalloc, caller);
  }
  if (page == nullptr) {
    context_.events.add(SlabEvent::kAllocFailure);
    return nullptr;
  }
  page->owner_words[0] = caller;
  large_objects_.fetch_add(1, std::memory_order_relaxed);
  return context_.pages.address_of(page);
}

void Kmalloc::kfree(const void* object) {
  const uintptr_t caller = RING3_CALL_SITE();
  const bool nothing = object == nullptr || object == kZeroSizePtr;
  if (nothing || free_any(const_cast<void*>(object), caller)) {
    RING3_TRACE2(kfree, caller, object);
    context_.events.add(SlabEvent::kKfree);
  }
}

bool Kmalloc::free_any(void* object, uintptr_t caller) {
  Page* head = context_.pages.memmap().head_page_of(object);
  const PageOwner owner = context_.pages.memmap().owner_of(head);
  if (owner == PageOwner::kSlab) [[likely]] {
    // Whoever it was a moment ago asks again under its lock. A cache outlives the frees of its
    // objects, the wrong ones too: destroying it while somebody frees is destroying it in use.
    KmemCache* cache = Slab::of(*head).cache();
    if (cache != nullptr) [[likely]]
      return cache->free_object(object, head, caller);
  }
  if (owner == PageOwner::kLargeKmalloc && context_.pages.address_of(head) == object) {
    return free_large(*head, caller);
  }
  context_.reports.report(
      [&] { return pointer_report("kmalloc", "Invalid object pointer", object, caller); });
  return false;
}

// The page allocator's claim decides between two who free the object at once; only who wins counts.
bool Kmalloc::free_large(Page& page, uintptr_t caller) {
  const Order order = context_.pages.memmap().state_of(page).order();
  if (!context_.pages.free_owned_pages(page, order, PageOwner::kLargeKmalloc, caller)) return false;
  large_objects_.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

uint64_t Kmalloc::report_large_objects() {
  const uint64_t remaining = large_objects();
  if (remaining == 0) return 0;
  std::array<LargeObject, 16> first;
  size_t shown = 0;
  context_.pages.for_each_allocated_block([&](const Page& page, FrameState state) {
    if (state.owner() != PageOwner::kLargeKmalloc) return true;
    first[shown++] = {.start = context_.pages.address_of(&page),
                      .bytes = state.order().bytes(),
                      .caller = page.owner_words[0]};
    return shown < first.size() && shown < remaining;
  });
  context_.reports.report_always(large_remaining_report(remaining, {first.data(), shown}));
  return remaining;
}

}  // namespace ring3::mm
