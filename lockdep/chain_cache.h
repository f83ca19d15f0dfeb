#pragma once

#include <cstdint>

#include "lib/cpu/atomic.h"
#include "lockdep/lazy_table.h"

namespace ring3::lockdep {

// The keys of lock chains that were validated, so that the same nesting is checked once. A hash
// table with linear probing, never more than half full; keys are never removed.
//
// contains() may run beside insert(); the owner lets one insert() run at a time.
class ChainCache {
 public:
  // Holds up to `capacity` > 0 keys. kNoResource when the host refuses.
  static Result<ChainCache> create(uint32_t capacity);
  ChainCache(ChainCache&& other) noexcept
      : slots_(std::move(other.slots_)), capacity_(other.capacity_), size_(other.size()) {}

  // Relaxed: a key found means "nothing to do", so nothing is read through it.
  bool contains(uint64_t key) const { return load(slot_of(key)) != kEmpty; }

  // False when the cache is full and does not hold `key`.
  bool insert(uint64_t key);

  uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  uint32_t capacity() const { return capacity_; }

 private:
  // The slot's value for a key that happens to be 0 is another one: two keys out of 2^64 collide.
  static constexpr uint64_t kEmpty = 0;
  static constexpr uint64_t stored(uint64_t key) { return key == kEmpty ? 1 : key; }

  ChainCache(LazyTable<Atomic<uint64_t>> slots, uint32_t capacity)
      : slots_(std::move(slots)), capacity_(capacity) {}

  uint64_t load(size_t slot) const { return slots_[slot].load(std::memory_order_relaxed); }
  // Where `key` is, or the empty slot where it would go. slots_.size() is a power of two.
  size_t slot_of(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t slot = key & mask;
    while (load(slot) != kEmpty && load(slot) != stored(key)) slot = (slot + 1) & mask;
    return slot;
  }

  LazyTable<Atomic<uint64_t>> slots_;
  uint32_t capacity_;
  Atomic<uint32_t> size_{0};
};

}  // namespace ring3::lockdep
