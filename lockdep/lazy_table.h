#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "lib/check.h"
#include "lib/reservation.h"
#include "lib/result.h"

namespace ring3::lockdep {

// A fixed array of T in reserved address space: an element costs memory once it is touched. All
// zero bytes must be a T, since that is what an untouched element is.
template <class T>
class LazyTable {
  static_assert(std::is_trivially_destructible_v<T>, "elements are dropped, not destroyed");

 public:
  // kNoResource when the host refuses the address space. `size` > 0.
  static Result<LazyTable> create(size_t size) {
    Result<os::Reservation> memory = os::reserve(size * sizeof(T), alignof(T));
    if (!memory) return memory.error();
    return LazyTable(std::move(*memory), size);
  }

  size_t size() const { return size_; }
  T& operator[](size_t i) { return element(i); }
  const T& operator[](size_t i) const { return element(i); }

 private:
  LazyTable(os::Reservation memory, size_t size) : memory_(std::move(memory)), size_(size) {}

  T& element(size_t i) const {
    DCHECK_LT(i, size_);
    return reinterpret_cast<T*>(memory_.base())[i];
  }

  os::Reservation memory_;
  size_t size_;
};

}  // namespace ring3::lockdep
