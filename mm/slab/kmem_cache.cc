#include "mm/slab/kmem_cache.h"

#include <cstring>

#include "lib/asan.h"
#include "lib/stack_trace.h"
#include "lib/tracepoint.h"

namespace ring3::mm {
namespace {

constexpr lockdep::LockClassKey kListLockKey{"&cache->list_lock"};

constexpr Gfp kZoneModifiers = kGfpFlagDma | kGfpFlagDma32 | kGfpFlagHighmem | kGfpFlagMovable;

constexpr Gfp flags_of(CacheZone zone) {
  switch (zone) {
    case CacheZone::kDma:
      return kGfpFlagDma;
    case CacheZone::kDma32:
      return kGfpFlagDma32;
    case CacheZone::kNormal:
      break;
  }
  return Gfp{};
}

}  // namespace

KmemCache::KmemCache(const SlabContext& context, const CacheConfig& config)
    : context_(context),
      name_(config.name),
      layout_(cache_layout(config.object_size, config.align, config.how,
                           context.topology.online_count())),
      ctor_(config.ctor),
      zone_flags_(flags_of(config.zone)),
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
  const uintptr_t caller = RING3_CALL_SITE();
  void* object = alloc_object(gfp, layout_.object_size, caller);
  if (object != nullptr) {
    RING3_TRACE6(kmem_cache_alloc, caller, object, name_.c_str(), layout_.object_size,
                 layout_.stride, gfp.bits());
    context_.events.add(SlabEvent::kKmemCacheAlloc);
  }
  return object;
}

void* KmemCache::alloc_object(Gfp gfp, size_t usable_bytes, uintptr_t caller) {
  void* object = nullptr;
  if (gfp.any(kGfpFlagNofail) || !context_.failslab.should_fail(layout_.stride)) [[likely]] {
    object = take_object();
    if (object == nullptr) [[unlikely]]
      object = take_from_new_slab(gfp, caller);
  }
  if (object == nullptr) [[unlikely]] {
    context_.events.add(SlabEvent::kAllocFailure);
    return nullptr;
  }
  asan_unpoison(object, usable_bytes);
  if (gfp.any(kGfpFlagZero)) {
    if (ctor_ == nullptr) {
      std::memset(object, 0, usable_bytes);
    } else {
      context_.reports.report([&] { return zeroed_constructor_report(name_, caller); });
    }
  }
  return object;
}

void* KmemCache::take_object() {
  lockdep::SpinlockGuard guard(lock_);
  if (Page* page = partial_.front()) return take_from_locked(*page);
  if (Page* page = free_.pop_front()) {
    count_free_locked(-1);
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
void* KmemCache::take_from_new_slab(Gfp gfp, uintptr_t caller) {
  Page* page = make_slab(gfp, caller);
  if (page == nullptr) return nullptr;
  lockdep::SpinlockGuard guard(lock_);
  Slab::of(*page).set_cache(this);
  ++slabs_;
  partial_.push_front(*page);
  return take_from_locked(*page);
}

Page* KmemCache::make_slab(Gfp gfp, uintptr_t caller) {
  // The slab is a compound page, so that a pointer into any of its pages finds the head. It lies
  // where the cache says, and is zeroed an object at a time.
  const Gfp slab_gfp = (gfp - (kGfpFlagZero | kZoneModifiers)) | kGfpFlagComp | zone_flags_;
  Page* page = context_.pages.alloc_owned_pages(slab_gfp, layout_.order, PageOwner::kSlab, caller);
  if (page == nullptr) return nullptr;
  // Relaxed: any slab may take any colour; only the cycling matters.
  const uint32_t colour = next_colour_.fetch_add(1, std::memory_order_relaxed) % layout_.colours;
  const uint32_t colour_offset = colour * layout_.colour_bytes;
  uint64_t* words =
      context_.in_use_words + context_.pages.pfn_of(page).value() * kInUseWordsPerPage;
  Slab::make(*page, colour_offset, words, layout_);
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

// Whose the object is can be asked only under our lock: without it the slab may be given up, and
// its page handed to anybody, between the question and the act. A stale `head` is safe to look at,
// since descriptors are never unmapped.
bool KmemCache::free_object(void* object, Page* head, uintptr_t caller) {
  const char* wrong = "Object belongs to another cache";
  Page* surplus = nullptr;
  {
    lockdep::SpinlockGuard guard(lock_);
    if (is_ours_locked(head)) [[likely]]
      wrong = put_object_locked(object, *head, surplus);
  }
  if (wrong != nullptr) [[unlikely]] {
    report_bad_free(wrong, object, head, caller);
    return false;
  }
  if (surplus != nullptr) release_slab(*surplus, caller);
  return true;
}

bool KmemCache::is_ours_locked(const Page* head) const {
  return context_.pages.memmap().owner_of(head) == PageOwner::kSlab &&
         Slab::of(*head).cache() == this;
}

const char* KmemCache::put_object_locked(void* object, Page& head, Page*& surplus) {
  Slab& slab = Slab::of(head);
  const auto* start = static_cast<const std::byte*>(context_.pages.address_of(&head));
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(object) - start);
  const uint32_t index = slab.index_at(offset, layout_);
  if (index == Slab::kNoIndex) return "Invalid object pointer";
  const bool was_full = slab.in_use() == layout_.objects;
  if (!slab.put(in_use_bits(head), index)) return "Object already free";
  // Before the object can be handed out again.
  asan_poison(object, layout_.stride);
  --active_objects_;
  surplus = relist_after_free_locked(head, was_full);
  return nullptr;
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
    count_free_locked(+1);
    return nullptr;
  }
  give_up_locked(page);
  return &page;
}

// Relaxed: a sum that is looked at.
void KmemCache::count_free_locked(int slabs) {
  free_slabs_ += static_cast<uint64_t>(slabs);
  context_.free_pages.fetch_add(static_cast<uint64_t>(slabs) * layout_.order.pages().value(),
                                std::memory_order_relaxed);
}

// From now on nobody finds an object of ours in it.
void KmemCache::give_up_locked(Page& page) {
  Slab::of(page).set_cache(nullptr);
  --slabs_;
}

void KmemCache::release_slab(Page& page, uintptr_t caller) {
  asan_unpoison(context_.pages.address_of(&page), layout_.order.bytes());
  const bool freed = context_.pages.free_owned_pages(page, layout_.order, PageOwner::kSlab, caller);
  CHECK(freed);
}

PageCount KmemCache::shrink(PageCount most) {
  const uintptr_t caller = RING3_CALL_SITE();
  PageCount released{0};
  while (released < most) {
    Page* page;
    {
      lockdep::SpinlockGuard guard(lock_);
      page = free_.pop_front();
      if (page == nullptr) break;
      count_free_locked(-1);
      give_up_locked(*page);
    }
    release_slab(*page, caller);
    released += layout_.order.pages();
  }
  return released;
}

// ---- Reports and checks. ----

// Without our lock: the object may be another cache's, whose lock is then asked for the facts.
void KmemCache::report_bad_free(const char* reason, void* object, Page* head, uintptr_t caller) {
  context_.reports.report([&] {
    const bool in_slab = context_.pages.memmap().owner_of(head) == PageOwner::kSlab;
    const KmemCache* owner = in_slab ? Slab::of(*head).cache() : nullptr;
    const auto facts = owner != nullptr ? owner->facts_of(*head) : std::nullopt;
    return facts ? object_report(name_, reason, *facts, object, caller)
                 : pointer_report(name_, "Invalid object pointer", object, caller);
  });
}

std::optional<SlabFacts> KmemCache::facts_of(const Page& head) const {
  lockdep::SpinlockGuard guard(lock_);
  if (!is_ours_locked(&head)) return std::nullopt;
  return SlabFacts{.cache = name_,
                   .start = context_.pages.address_of(&head),
                   .objects = layout_.objects,
                   .in_use = Slab::of(head).in_use()};
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
    context_.reports.report_always(remaining_report(name_, remaining, {first.data(), shown}));
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
    const FrameState state = context_.pages.memmap().state_of(page);
    if (!state.is_allocated(layout_.order, PageOwner::kSlab) || Slab::of(page).cache() != this) {
      ++faults;
    }
  }
  return faults;
}

size_t KmemCache::count_faults() const {
  lockdep::SpinlockGuard guard(lock_);
  return count_list_faults(full_, layout_.objects, layout_.objects) +
         count_list_faults(partial_, 1, layout_.objects - 1) + count_list_faults(free_, 0, 0);
}

}  // namespace ring3::mm
