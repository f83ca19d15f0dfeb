#include "lib/cpu/stack_depot.h"

#include <algorithm>
#include <utility>

namespace ring3 {
namespace {

// FNV-1a over whole words.
uint64_t hash_of(std::span<const uintptr_t> frames) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uintptr_t frame : frames) hash = (hash ^ frame) * 0x100000001b3;
  return hash ^ hash >> 32;
}

}  // namespace

Result<StackDepot> StackDepot::create() {
  Result<os::Reservation> memory =
      os::reserve(kBuckets * sizeof(Handle) + kMaxTraces * sizeof(Entry), alignof(Entry));
  if (!memory) return memory.error();
  return StackDepot(std::move(*memory));
}

StackDepot::StackDepot(os::Reservation memory)
    : memory_(std::move(memory)),
      buckets_(reinterpret_cast<Atomic<Handle>*>(memory_.base())),
      entries_(reinterpret_cast<Entry*>(memory_.base() + kBuckets * sizeof(Handle))) {}

StackDepot::StackDepot(StackDepot&& other) noexcept
    : memory_(std::move(other.memory_)),
      buckets_(other.buckets_),
      entries_(other.entries_),
      used_(other.used_) {}

StackDepot::Handle StackDepot::find(Handle first, uint64_t hash,
                                    std::span<const uintptr_t> frames) const {
  for (Handle handle = first; handle != kNone; handle = entry(handle).next) {
    const Entry& known = entry(handle);
    if (known.hash == hash && std::ranges::equal(std::span(known.frames, known.count), frames)) {
      return handle;
    }
  }
  return kNone;
}

bool StackDepot::enter(bool may_wait) {
  if (!may_wait) return lock_.try_lock();
  lock_.lock();
  return true;
}

// Acquire pairs with the release below: whoever finds an entry finds it whole. It never changes.
StackDepot::Handle StackDepot::save(const StackTrace& trace, bool may_wait) {
  const std::span<const uintptr_t> frames = trace.frames();
  const uint64_t hash = hash_of(frames);
  Atomic<Handle>& bucket = buckets_[hash % kBuckets];
  if (const Handle known = find(bucket.load(std::memory_order_acquire), hash, frames)) return known;
  if (!enter(may_wait)) return kNone;
  const Handle added = add_locked(bucket, hash, frames);
  lock_.unlock();
  return added;
}

StackDepot::Handle StackDepot::add_locked(Atomic<Handle>& bucket, uint64_t hash,
                                          std::span<const uintptr_t> frames) {
  const Handle first = bucket.load(std::memory_order_relaxed);
  if (const Handle known = find(first, hash, frames)) return known;
  if (used_ == kMaxTraces) return kNone;
  Entry& added = entry(++used_);
  std::ranges::copy(frames, added.frames);
  added.hash = hash;
  added.count = static_cast<uint32_t>(frames.size());
  added.next = first;
  bucket.store(used_, std::memory_order_release);
  return used_;
}

std::span<const uintptr_t> StackDepot::frames(Handle handle) const {
  if (handle == kNone) return {};
  return {entry(handle).frames, entry(handle).count};
}

}  // namespace ring3
