#pragma once

// Stack traces, each kept once and known by a number, as the kernel's stackdepot: whoever remembers
// a trace for every page or object pays four bytes for it.

#include <cstdint>
#include <span>

#include "lib/cpu/atomic.h"
#include "lib/cpu/raw_spinlock.h"
#include "lib/reservation.h"
#include "lib/result.h"
#include "lib/stack_trace.h"

namespace ring3 {

class StackDepot {
 public:
  // A trace in the depot; kNone for one that it had no room for.
  using Handle = uint32_t;
  static constexpr Handle kNone = 0;
  static constexpr uint32_t kMaxTraces = uint32_t{1} << 16;

  // With room for kMaxTraces different traces, of which memory is used for those that there are.
  // kNoResource when the host refuses.
  static Result<StackDepot> create();

  StackDepot(StackDepot&& other) noexcept;
  StackDepot& operator=(StackDepot&&) = delete;

  // The handle of `trace`, which is kept for good. Any thread may call it, and find what is known
  // without a lock.
  // Who may not wait gets kNone too, for a new one while somebody adds another.
  Handle save(const StackTrace& trace, bool may_wait = true) EXCLUDES(lock_);
  // The return addresses, innermost first; of kNone none.
  std::span<const uintptr_t> frames(Handle handle) const;

 private:
  struct Entry {
    uintptr_t frames[StackTrace::kMaxFrames];
    uint64_t hash;
    uint32_t count;  // of frames
    Handle next;     // in its bucket; older
  };
  static constexpr size_t kBuckets = size_t{1} << 14;

  explicit StackDepot(os::Reservation memory);

  // Below `first`, which was the newest of its bucket.
  Handle find(Handle first, uint64_t hash, std::span<const uintptr_t> frames) const;
  bool enter(bool may_wait) TRY_ACQUIRE(true, lock_);
  Handle add_locked(Atomic<Handle>& bucket, uint64_t hash, std::span<const uintptr_t> frames)
      REQUIRES(lock_);
  Entry& entry(Handle handle) const { return entries_[handle - 1]; }

  os::Reservation memory_;
  Atomic<Handle>* buckets_;  // the newest entry of each
  Entry* entries_;
  RawSpinlock lock_;
  uint32_t used_ GUARDED_BY(lock_) = 0;
};

}  // namespace ring3
