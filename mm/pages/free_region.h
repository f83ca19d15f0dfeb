#pragma once

// A stretch of a zone with a lock of its own over its free blocks. A zone of one region is the
// kernel's; cut into several, CPUs that refill and flush their lists work in different ones.

#include <array>
#include <memory>
#include <span>

#include "lib/cpu/atomic.h"
#include "lockdep/lockdep.h"
#include "mm/pages/page_policy.h"

namespace ring3::mm {

class FreeRegion {
 public:
  // The frames of `frames`, of which those of `free` are free and go to `blocks`, which was made
  // for all of them. The others never are.
  FreeRegion(lockdep::Lockdep* lockdep, PfnRange frames, std::span<const PfnRange> free,
             std::unique_ptr<FreeBlocks> blocks);

  // As FreeBlocks::take(); who may not wait for the lock gets nothing while somebody has it.
  size_t take(Order order, Migratetype type, Reach reach, std::span<Frame> heads,
              bool may_wait = true) EXCLUDES(lock_);
  // Frees the blocks at `heads`, which have come from a CPU's list or are on their way to one, and
  // returns how many; those that are not what they should be (Zone) it moves to the end.
  size_t put(const Memmap& memmap, Order order, std::span<Frame> heads) EXCLUDES(lock_);

  // Both as of the last time that the lock was held, and so perhaps old: the free pages, and one
  // more than the highest order of which a block is free.
  uint64_t free_pages_racy() const { return free_pages_racy_.load(std::memory_order_relaxed); }
  uint32_t orders_racy() const { return orders_racy_.load(std::memory_order_relaxed); }

  PageCount free_pages() const EXCLUDES(lock_);
  std::array<uint64_t, kOrders> free_blocks() const EXCLUDES(lock_);
  FreeBlocks::TypedBlocks free_blocks_by_type() const EXCLUDES(lock_);
  size_t count_faults() const EXCLUDES(lock_);

 private:
  bool enter(bool may_wait) TRY_ACQUIRE(true, lock_);
  void publish_locked() REQUIRES(lock_);

  mutable lockdep::Spinlock lock_;
  const std::unique_ptr<FreeBlocks> blocks_ PT_GUARDED_BY(lock_);
  // Copies for readers without the lock, who only compare them.
  Atomic<uint64_t> free_pages_racy_{0};
  Atomic<uint32_t> orders_racy_{0};
};

}  // namespace ring3::mm
