#include "mm/slab/kmem_cache.h"

#include <cstring>

#include "lib/asan.h"
#include "lib/stack_trace.h"
#include "lib/tracepoint.h"

namespace ring3::mm {
namespace {

constexpr lockdep::LockClassKey kListLockKey{"&cache->list_lock"};

}  // namespace

KmemCache::KmemCache(const SlabContext& context, const CacheConfig& config)
    : context_(context),
      name_(config.name),
      layout_(cache_layout(config.object_size, config.align, config.how, os::cpu_count())),
      ctor_(config.ctor),
      lock_(context.lockdep, kListLockKey) {}

KmemCache::~KmemCache() {
  // What is mapped here next must not find our poison.
  lockdep::SpinlockGuard guard(lock_);
  for (const SlabList* list : {&full_, &partial_, &free_}) {
    for (const Page& page : *list) {
      asan_unpoison(context_.pages.address_of(&page), layout_.order.bytes());
    }
  }
}

// ---- Allocation: partial slab, free slab, new slab. ----

void* KmemCache::alloc(Gfp gfp) {
  void* object = alloc_object(gfp, layout_.object_size);
  if (object != nullptr) {
    RING3_TRACE6(kmem_cache_alloc, RING3_CALL_SITE(), object, name_.c_str(), layout_.object_size,
                 layout_.stride, gfp.bits());
    context_.events.add(SlabEvent::kKmemCacheAlloc);
  }
  return object;
}

void* KmemCache::alloc_object(Gfp gfp, size_t usable_bytes) {
  void* object = nullptr;
  if (gfp.any(kGfpFlagNofail) || !context_.failslab.should_fail(layout_.stride)) [[likely]] {
    object = take_object();
    if (object == nullptr) [[unlikely]]
      object = take_from_new_slab(gfp);
  }
  if (object == nullptr) [[unlikely]] {
    context_.events.add(SlabEvent::kAllocFailure);
    return nullptr;
  }
  asan_unpoison(object, usable_bytes);
  if (gfp.any(kGfpFlagZero) && ctor_ == nullptr) std::memset(object, 0, usable_bytes);
  return object;
}

void* KmemCache::take_object() {
  lockdep::SpinlockGuard guard(lock_);
  if (Page* page = partial_.front()) return take_from_locked(*page);
  if (Page* page = free_.pop_front()) {
    --free_slabs_;
    partial_.push_front(*page);
    return take_from_locked(*page);
  }
  return nullptr;
}

// From a slab on the partial list.
void* KmemCache::take_from_locked(Page& page) {
  Slab& slab = Slab::of(page);
  const uint32_t index = slab.take(in_use_bits(page));
  ++active_objects_;
  if (slab.in_use() == layout_.objects) {
    partial_.remove(page);
    full_.push_front(page);
  }
  auto* start = static_cast<std::byte*>(context_.pages.address_of(&page));
  return start + slab.colour_offset() + index * layout_.stride;
}

// The page allocator and the constructor run without the cache's lock; what other threads free or
// add meanwhile is used by the next allocation.
void* KmemCache::take_from_new_slab(Gfp gfp) {
  Page* page = make_slab(gfp);
  if (page == nullptr) return nullptr;
  lockdep::SpinlockGuard guard(lock_);
  ++slabs_;
  partial_.push_front(*page);
  return take_from_locked(*page);
}

Page* KmemCache::make_slab(Gfp gfp) {
  // The slab is a compound page, so that a pointer into any of its pages finds the head. A slab
  // holds kernel objects: never from a zone for movable pages, and zeroed an object at a time.
  const Gfp slab_gfp = (gfp | kGfpFlagComp) - (kGfpFlagZero | kGfpFlagHighmem | kGfpFlagMovable);
  Page* page = context_.pages.alloc_pages(slab_gfp, layout_.order);
  if (page == nullptr) return nullptr;
  // Relaxed: any slab may take any colour; only the cycling matters.
  const uint32_t colour = next_colour_.fetch_add(1, std::memory_order_relaxed) % layout_.colours;
  const uint32_t colour_offset = colour * layout_.colour_bytes;
  uint64_t* words =
      context_.in_use_words + context_.pages.pfn_of(page).value() * kInUseWordsPerPage;
  Slab::make(*page, *this, colour_offset, words, layout_);
  page->set_owner(PageOwner::kSlab);
  construct_objects(*page, colour_offset);
  return page;
}

void KmemCache::construct_objects(Page& page, uint32_t colour_offset) {
  auto* start = static_cast<std::byte*>(context_.pages.address_of(&page));
  if (ctor_ != nullptr) {
    for (uint32_t i = 0; i < layout_.objects; ++i)
      ctor_(start + colour_offset + i * layout_.stride);
  }
  asan_poison(start, layout_.order.bytes());
}

// ---- Free. ----

void KmemCache::free(void* object) {
  const uintptr_t caller = RING3_CALL_SITE();
  if (object == nullptr) return;
  if (free_object(object, context_.pages.memmap().head_page_of(object), caller)) {
    RING3_TRACE3(kmem_cache_free, caller, object, name_.c_str());
    context_.events.add(SlabEvent::kKmemCacheFree);
  }
}

bool KmemCache::free_object(void* object, Page* head, uintptr_t caller) {
  if (head == nullptr || head->owner() != PageOwner::kSlab) [[unlikely]] {
    report_bad_free("Invalid object pointer", object, nullptr, caller);
    return false;
  }
  Slab& slab = Slab::of(*head);
  if (&slab.cache() != this) [[unlikely]] {
    report_bad_free("Object belongs to another cache", object, nullptr, caller);
    return false;
  }
  const auto* start = static_cast<const std::byte*>(context_.pages.address_of(head));
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(object) - start);
  const uint32_t index = slab.index_at(offset, layout_);
  if (index == Slab::kNoIndex) [[unlikely]] {
    report_bad_free("Invalid object pointer", object, head, caller);
    return false;
  }
  // Poisoned before the object can be handed out again.
  asan_poison(object, layout_.stride);

  bool was_free = false;
  Page* surplus = nullptr;
  {
    lockdep::SpinlockGuard guard(lock_);
    const bool was_full = slab.in_use() == layout_.objects;
    if (slab.put(in_use_bits(*head), index)) [[likely]] {
      --active_objects_;
      surplus = relist_after_free_locked(*head, was_full);
    } else {
      was_free = true;
    }
  }
  if (was_free) [[unlikely]] {
    report_bad_free("Object already free", object, head, caller);
    return false;
  }
  if (surplus != nullptr) release_slab(*surplus);
  return true;
}

Page* KmemCache::relist_after_free_locked(Page& page, bool was_full) {
  const bool is_free = Slab::of(page).in_use() == 0;
  if (!was_full && !is_free) return nullptr;  // partial before and after

  (was_full ? full_ : partial_).remove(page);
  if (!is_free) {
    partial_.push_front(page);
    return nullptr;
  }
  if (free_slabs_ < layout_.min_partial) {
    free_.push_front(page);
    ++free_slabs_;
    return nullptr;
  }
  --slabs_;
  return &page;
}

void KmemCache::release_slab(Page& page) {
  asan_unpoison(context_.pages.address_of(&page), layout_.order.bytes());
  page.set_owner(PageOwner::kNobody);
  context_.pages.free_pages(&page, layout_.order);
}

PageCount KmemCache::shrink() {
  PageCount released{0};
  for (;;) {
    Page* page;
    {
      lockdep::SpinlockGuard guard(lock_);
      page = free_.pop_front();
      if (page == nullptr) return released;
      --free_slabs_;
      --slabs_;
    }
    release_slab(*page);
    released += layout_.order.pages();
  }
}

// ---- Reports and checks. ----

void KmemCache::report_bad_free(const char* reason, void* object, Page* head, uintptr_t caller) {
  misuses_.fetch_add(1, std::memory_order_relaxed);
  if (head == nullptr) {
    context_.reports.report(pointer_report(name_, reason, object, caller));
    return;
  }
  const SlabFacts facts{context_.pages.address_of(head), layout_.objects, Slab::of(*head).in_use()};
  context_.reports.report(object_report(name_, reason, facts, object, caller));
}

uint64_t KmemCache::shutdown() {
  shrink();
  std::array<const void*, 16> first;
  size_t shown = 0;
  uint64_t remaining;
  {
    lockdep::SpinlockGuard guard(lock_);
    remaining = active_objects_;
    for (const SlabList* list : {&full_, &partial_}) {
      for (Page& page : *list) {
        const auto* objects = static_cast<const std::byte*>(context_.pages.address_of(&page)) +
                              Slab::of(page).colour_offset();
        const BitmapView bits = in_use_bits(page);
        for (size_t i = bits.find_next_set(0); i < bits.size() && shown < first.size();
             i = bits.find_next_set(i + 1)) {
          first[shown++] = objects + i * layout_.stride;
        }
      }
    }
  }
  if (remaining != 0) {
    context_.reports.report(remaining_report(name_, remaining, {first.data(), shown}));
  }
  return remaining;
}

uint64_t KmemCache::active_objects() const {
  lockdep::SpinlockGuard guard(lock_);
  return active_objects_;
}

std::string KmemCache::slabinfo() const {
  SlabinfoRow row{.name = name_,
                  .active_objects = 0,
                  .total_objects = 0,
                  .object_size = layout_.stride,
                  .objects_per_slab = layout_.objects,
                  .pages_per_slab = layout_.order.pages().value(),
                  .slabs = 0};
  {
    lockdep::SpinlockGuard guard(lock_);
    row.active_objects = active_objects_;
    row.total_objects = slabs_ * layout_.objects;
    row.slabs = slabs_;
  }
  return slabinfo_line(row);
}

size_t KmemCache::count_list_faults(const SlabList& list, uint32_t least, uint32_t most) const {
  size_t faults = 0;
  for (Page& page : list) {
    const uint32_t in_use = Slab::of(page).in_use();
    if (in_use < least || in_use > most) ++faults;
    if (in_use_bits(page).count() != in_use) ++faults;
    if (page.owner() != PageOwner::kSlab || !page.is_allocated(layout_.order)) ++faults;
  }
  return faults;
}

size_t KmemCache::count_faults() const {
  lockdep::SpinlockGuard guard(lock_);
  return count_list_faults(full_, layout_.objects, layout_.objects) +
         count_list_faults(partial_, 1, layout_.objects - 1) + count_list_faults(free_, 0, 0);
}

}  // namespace ring3::mm
