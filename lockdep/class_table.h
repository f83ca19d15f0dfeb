#pragma once

#include <cstdint>
#include <optional>

#include "lib/cpu/atomic.h"
#include "lockdep/lazy_table.h"
#include "lockdep/lock_class.h"
#include "lockdep/lock_map.h"

namespace ring3::lockdep {

static_assert(kMaxLockClasses <= kNoLockClass.value(), "no id is the mark for none");

// A role of locks. Written once, by its registration, but for the usage.
struct LockClass {
  const LockClassKey* key;
  uint8_t subclass;
  WaitType wait_type;
  Atomic<uint8_t> usage;  // kUsedWrite, kUsedRead

  static constexpr uint8_t kUsedWrite = 1;
  static constexpr uint8_t kUsedRead = 2;

  // Remembers how it was taken. The load first, because nearly always nothing is new and the line
  // then stays shared.
  void mark_used(ReadMode mode) {
    const uint8_t bit = mode == ReadMode::kWrite ? kUsedWrite : kUsedRead;
    if ((usage.load(std::memory_order_relaxed) & bit) == 0) [[unlikely]] {
      usage.fetch_or(bit, std::memory_order_relaxed);
    }
  }
};

// The classes that a checker has seen, found by (address of the key, subclass). Not locked; an
// entry may be read by whoever got its id from the table's owner.
class ClassTable {
 public:
  // Holds up to `capacity` classes, 0 < capacity <= kMaxLockClasses. kNoResource when the host
  // refuses.
  static Result<ClassTable> create(uint32_t capacity);

  // The class of `key` and `subclass`, new if need be; nothing when the table is full.
  std::optional<LockClassId> find_or_add(const LockClassKey& key, unsigned subclass,
                                         WaitType wait_type);

  LockClass& operator[](LockClassId id) { return classes_[id.value()]; }
  const LockClass& operator[](LockClassId id) const { return classes_[id.value()]; }

  uint32_t size() const { return size_; }
  uint32_t capacity() const { return static_cast<uint32_t>(classes_.size()); }

 private:
  ClassTable(LazyTable<LockClass> classes, LazyTable<uint16_t> slots)
      : classes_(std::move(classes)), slots_(std::move(slots)) {}

  LazyTable<LockClass> classes_;
  LazyTable<uint16_t> slots_;  // class id + 1, 0 when empty; a power of two of them, half full
  uint32_t size_ = 0;
};

}  // namespace ring3::lockdep
