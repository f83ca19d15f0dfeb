#pragma once

// Atomics whose every operation is a schedule point in MODE=sim, and which are std::atomic itself
// everywhere else. Whatever tasks of lib/cpu, lockdep, mm and net share without a lock is one.

#include <atomic>

#include "lib/cpu/schedule.h"

namespace ring3 {

#if RING3_SIM

namespace atomic_internal {

// The operations of Self, whose word_ is a std::atomic or std::atomic_ref. Sequentially consistent
// underneath: what a weaker order would allow is the Scheduler's to say, which is told the order
// that was asked for.
template <class T, class Self>
class Points {
 public:
  static constexpr std::memory_order kSeqCst = std::memory_order_seq_cst;

  T load(std::memory_order order = kSeqCst) const {
    schedule::point(schedule::Access::kLoad, address());
    const T value = word().load();
    schedule::performed(schedule::Access::kLoad, address(), order);
    return value;
  }
  void store(T value, std::memory_order order = kSeqCst) {
    schedule::point(schedule::Access::kStore, address());
    word().store(value);
    schedule::performed(schedule::Access::kStore, address(), order);
  }
  T exchange(T value, std::memory_order order = kSeqCst) {
    return update(order, [&] { return word().exchange(value); });
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) {
    schedule::point(schedule::Access::kUpdate, address());
    const bool exchanged = word().compare_exchange_strong(expected, desired);
    if (exchanged) {
      schedule::performed(schedule::Access::kUpdate, address(), success);
    } else {
      schedule::performed(schedule::Access::kLoad, address(), failure);
    }
    return exchanged;
  }
  // The failure order that the standard derives.
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order = kSeqCst) {
    const std::memory_order failure = order == std::memory_order_acq_rel ? std::memory_order_acquire
                                      : order == std::memory_order_release
                                          ? std::memory_order_relaxed
                                          : order;
    return compare_exchange_strong(expected, desired, order, failure);
  }
  // Never fails for nothing: a spurious failure is one more way round a loop.
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                             std::memory_order failure) {
    return compare_exchange_strong(expected, desired, success, failure);
  }
  T fetch_add(T amount, std::memory_order order = kSeqCst) {
    return update(order, [&] { return word().fetch_add(amount); });
  }
  T fetch_sub(T amount, std::memory_order order = kSeqCst) {
    return update(order, [&] { return word().fetch_sub(amount); });
  }
  T fetch_or(T bits, std::memory_order order = kSeqCst) {
    return update(order, [&] { return word().fetch_or(bits); });
  }

 protected:
  constexpr Points() = default;

 private:
  auto& word() const { return static_cast<const Self*>(this)->word_; }
  const void* address() const { return static_cast<const Self*>(this)->address_of_word(); }

  template <class Update>
  T update(std::memory_order order, Update apply) {
    schedule::point(schedule::Access::kUpdate, address());
    const T before = apply();
    schedule::performed(schedule::Access::kUpdate, address(), order);
    return before;
  }
};

}  // namespace atomic_internal

template <class T>
class Atomic : public atomic_internal::Points<T, Atomic<T>> {
 public:
  constexpr Atomic() = default;
  constexpr Atomic(T value) : word_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  // For the host's futex.
  const std::atomic<T>& host_word() const { return word_; }

 private:
  friend class atomic_internal::Points<T, Atomic<T>>;
  const void* address_of_word() const { return &word_; }
  mutable std::atomic<T> word_{};
};

template <class T>
class AtomicRef : public atomic_internal::Points<T, AtomicRef<T>> {
 public:
  explicit AtomicRef(T& word) : address_(&word), word_(word) {}

 private:
  friend class atomic_internal::Points<T, AtomicRef<T>>;
  const void* address_of_word() const { return address_; }
  const T* address_;
  mutable std::atomic_ref<T> word_;
};

#else

template <class T>
using Atomic = std::atomic<T>;
template <class T>
using AtomicRef = std::atomic_ref<T>;

#endif

}  // namespace ring3
