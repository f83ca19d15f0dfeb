#include "lockdep/chain_cache.h"

#include <bit>

namespace ring3::lockdep {

Result<ChainCache> ChainCache::create(uint32_t capacity) {
  CHECK_GT(capacity, 0u);
  auto slots = LazyTable<Atomic<uint64_t>>::create(std::bit_ceil(size_t{capacity} * 2));
  if (!slots) return slots.error();
  return ChainCache(std::move(*slots), capacity);
}

bool ChainCache::insert(uint64_t key) {
  const size_t slot = slot_of(key);
  if (load(slot) != kEmpty) return true;
  if (size() == capacity_) return false;
  slots_[slot].store(stored(key), std::memory_order_relaxed);
  size_.store(size() + 1, std::memory_order_relaxed);
  return true;
}

}  // namespace ring3::lockdep
