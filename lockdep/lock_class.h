#pragma once

// The checker learns an order between roles of locks, not between locks: all locks that have a
// key and a subclass in common are one class. A key is static storage that its owner declares or
// that lock_class_of() makes of a C++ type:
//
//   inline constexpr LockClassKey kZoneLockKey{"zone->lock"};
//   Spinlock lock_{checker, kZoneLockKey};
//   Mutex mutex_{checker, lock_class_of<Session>()};

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "lib/units.h"

namespace ring3::lockdep {

// Its address is the identity, so two keys of one name are two classes. Must outlive every checker
// that saw a lock of it.
struct LockClassKey {
  const char* name;
};

// The name of a class within one checker, in the order of first use.
using LockClassCount = Quantity<struct LockClassTag, uint16_t>;
using LockClassId = Ordinal<struct LockClassTag, uint16_t, LockClassCount>;
inline constexpr LockClassId kNoLockClass{0xffff};

// What a waiter for the lock does, numbered as reports print it: enum lockdep_wait_type of a kernel
// without raw-nesting proofs.
enum class WaitType : uint8_t {
  kSpin = 2,
  kSleep = 3,
};

namespace lock_class_internal {

// The compiler's own spelling of Tag, cut out of this function's signature.
template <class Tag>
constexpr auto type_name() {
  constexpr std::string_view signature = __PRETTY_FUNCTION__;
  constexpr std::string_view marker = "Tag = ";
  constexpr size_t start = signature.find(marker) + marker.size();
  constexpr size_t length = signature.rfind(']') - start;
  std::array<char, length + 1> name{};
  std::copy_n(signature.begin() + start, length, name.begin());
  return name;
}

template <class Tag>
inline constexpr auto kTypeName = type_name<Tag>();

template <class Tag>
inline constexpr LockClassKey kTypeKey{kTypeName<Tag>.data()};

}  // namespace lock_class_internal

// The class of the C++ type Tag, named like it. Tag may be incomplete.
template <class Tag>
constexpr const LockClassKey& lock_class_of() {
  return lock_class_internal::kTypeKey<Tag>;
}

}  // namespace ring3::lockdep
