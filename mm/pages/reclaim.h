#pragma once

// Where memory comes from when there is none: who keeps memory that he can do without registers a
// Shrinker, and a request that may wait has them give it back before it is refused (the kernel's
// direct reclaim and its shrinkers, mm/vmscan.c and mm/shrinker.c).

#include <array>
#include <functional>

#include "lib/cpu/atomic.h"
#include "lib/result.h"
#include "lockdep/lockdep.h"
#include "mm/pages/gfp.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

class Shrinker {
 public:
  virtual ~Shrinker() = default;

  // Pages that could come back now: a look, stale at once. Any thread.
  virtual PageCount count() const = 0;
  // Gives back `most` pages or a little more, and returns how many. Fewer, or none, when they are
  // in use by now: it waits for nothing that who asks for memory may hold. The task may use all
  // reserves.
  virtual PageCount scan(PageCount most) = 0;
};

// Asked when a request of a small order that may wait finds nothing, and no shrinker has anything:
// true when it has freed some memory, and the request is worth another try. One at a time.
using OutOfMemory = std::function<bool(Gfp gfp, Order order)>;

class Reclaim {
 public:
  static constexpr size_t kMaxShrinkers = 16;
  // What a round asks for at least, in pages (SWAP_CLUSTER_MAX).
  static constexpr PageCount kCluster{32};

  Reclaim(lockdep::Lockdep* lockdep, OutOfMemory out_of_memory);

  // `shrinker` is asked until it is removed, which waits for who is asking it. kNoResource when
  // there are kMaxShrinkers.
  Status add(Shrinker& shrinker) EXCLUDES(lock_);
  void remove(Shrinker& shrinker) EXCLUDES(lock_);

  struct Round {
    PageCount scanned{0};    // that shrinkers were asked for
    PageCount reclaimed{0};  // that they gave back
  };
  // Asks all of them for a small part of what they have, and then for more and more, until `wanted`
  // pages have come. Waits while another task is at it, but in an interrupt.
  Round round(PageCount wanted) EXCLUDES(lock_);

  // What the one who was told of it says; false when nobody is, or he is busy.
  bool out_of_memory(Gfp gfp, Order order) EXCLUDES(oom_lock_);

 private:
  bool enter() TRY_ACQUIRE(true, lock_);
  PageCount count_locked() const REQUIRES(lock_);

  lockdep::Mutex lock_;
  std::array<Shrinker*, kMaxShrinkers> shrinkers_ GUARDED_BY(lock_){};
  // Whether there is any, for a look without the lock.
  Atomic<size_t> registered_{0};
  lockdep::Mutex oom_lock_;
  const OutOfMemory out_of_memory_;
};

}  // namespace ring3::mm
