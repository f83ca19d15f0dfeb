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

// "kmalloc-64", "kmalloc-2k"
std::string class_name(size_t size) {
  return size < 1024 ? fmt::format("kmalloc-{}", size) : fmt::format("kmalloc-{}k", size / 1024);
}

// Powers of two are aligned to themselves, as kmalloc promises; 96 and 192 to their largest power.
size_t class_align(size_t size) { return std::min(size & ~(size - 1), kPageSize); }

}  // namespace

Kmalloc::Kmalloc(const SlabContext& context) : context_(context) {
  for (size_t i = 0; i < kKmallocSizes.size(); ++i) {
    const size_t size = kKmallocSizes[i];
    caches_[i] = std::make_unique<KmemCache>(context, CacheConfig{.name = class_name(size),
                                                                  .object_size = size,
                                                                  .align = class_align(size),
                                                                  .how = CacheAlign::kNatural,
                                                                  .ctor = nullptr});
  }
}

void* Kmalloc::kmalloc(size_t bytes, Gfp gfp) {
  void* object = kZeroSizePtr;
  size_t allocated = 0;
  if (bytes > kKmallocMaxCacheBytes) [[unlikely]] {
    object = alloc_large(bytes, gfp);
    allocated = Order::for_bytes(bytes).bytes();
  } else if (bytes != 0) [[likely]] {
    KmemCache& cache = *caches_[kmalloc_index(bytes)];
    object = cache.alloc_object(gfp, bytes);
    allocated = cache.layout().stride;
  }
  if (object != nullptr) {
    RING3_TRACE5(kmalloc, RING3_CALL_SITE(), object, bytes, allocated, gfp.bits());
    context_.events.add(SlabEvent::kKmalloc);
  }
  return object;
}

void* Kmalloc::alloc_large(size_t bytes, Gfp gfp) {
  Page* page = nullptr;
  if (bytes <= kKmallocMaxBytes) {
    const Gfp large_gfp = (gfp | kGfpFlagComp) - (kGfpFlagHighmem | kGfpFlagMovable);
    page = context_.pages.alloc_pages(large_gfp, Order::for_bytes(bytes));
  }
  if (page == nullptr) {
    context_.events.add(SlabEvent::kAllocFailure);
    return nullptr;
  }
  page->set_owner(PageOwner::kLargeKmalloc);
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
  if (head != nullptr && head->owner() == PageOwner::kSlab) [[likely]] {
    return Slab::of(*head).cache().free_object(object, head, caller);
  }
  if (head != nullptr && head->owner() == PageOwner::kLargeKmalloc &&
      context_.pages.address_of(head) == object) {
    return free_large(*head);
  }
  misuses_.fetch_add(1, std::memory_order_relaxed);
  context_.reports.report(pointer_report("kmalloc", "Invalid object pointer", object, caller));
  return false;
}

bool Kmalloc::free_large(Page& page) {
  large_objects_.fetch_sub(1, std::memory_order_relaxed);
  page.set_owner(PageOwner::kNobody);
  context_.pages.free_pages(&page, page.order());
  return true;
}

}  // namespace ring3::mm
