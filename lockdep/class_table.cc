#include "lockdep/class_table.h"

#include <bit>

#include "lib/prng.h"

namespace ring3::lockdep {
namespace {

size_t hash(const LockClassKey& key, unsigned subclass) {
  uint64_t state = reinterpret_cast<uintptr_t>(&key) + subclass;
  return splitmix64(state);
}

}  // namespace

Result<ClassTable> ClassTable::create(uint32_t capacity) {
  CHECK_LE(capacity, kMaxLockClasses);
  auto classes = LazyTable<LockClass>::create(capacity);
  if (!classes) return classes.error();
  auto slots = LazyTable<uint16_t>::create(std::bit_ceil(size_t{capacity} * 2));
  if (!slots) return slots.error();
  return ClassTable(std::move(*classes), std::move(*slots));
}

std::optional<LockClassId> ClassTable::find_or_add(const LockClassKey& key, unsigned subclass,
                                                   WaitType wait_type) {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash(key, subclass) & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const LockClassId id(static_cast<uint16_t>(slots_[slot] - 1));
    if ((*this)[id].key == &key && (*this)[id].subclass == subclass) return id;
  }
  if (size_ == capacity()) return std::nullopt;

  const LockClassId id(static_cast<uint16_t>(size_++));
  slots_[slot] = static_cast<uint16_t>(size_);
  LockClass& added = (*this)[id];
  added.key = &key;
  added.subclass = static_cast<uint8_t>(subclass);
  added.wait_type = wait_type;
  return id;
}

}  // namespace ring3::lockdep
