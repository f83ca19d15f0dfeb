#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lib/cpu/atomic.h"
#include "lib/cpu/raw_spinlock.h"
#include "lib/report_sink.h"
#include "lib/result.h"
#include "lib/stack_trace.h"
#include "lockdep/chain_cache.h"
#include "lockdep/class_table.h"
#include "lockdep/dependency_graph.h"
#include "lockdep/held_locks.h"
#include "lockdep/limits.h"
#include "lockdep/lock_map.h"

namespace ring3::lockdep {

// A lock dependency checker (Documentation/locking/lockdep-design.rst): learns in which order
// tasks nest classes of locks and reports an order that can deadlock the first time it is seen,
// whether or not it deadlocked. Checks before the lock is waited for.
//
// Like the kernel's, it turns itself off at its first report, and at a full table with a message
// that names it. Several can live at once; locks of different ones have no order. Allocates
// nothing but for the text of a report. Any thread may call anything.
class Lockdep {
 public:
  // `sink` outlives the checker, the checker outlives every lock made with it, and no task holds
  // one of its locks when it is destroyed. kInvalidArgument: a limit of 0 or too many classes.
  // kNoResource: no address space for the tables.
  static Result<std::unique_ptr<Lockdep>> create(ReportSink& sink, const Limits& limits = {});

  // The hooks, called by LockMap for the current thread and by simulations for their tasks.
  // `ip` is the address that takes or releases the lock.

  // `task` is about to wait for `lock`.
  void acquire(HeldLocks& task, LockMap& lock, ReadMode mode, uintptr_t ip) EXCLUDES(lock_);
  // `task` got `lock` without waiting.
  void try_acquired(HeldLocks& task, LockMap& lock, ReadMode mode, uintptr_t ip) EXCLUDES(lock_);
  // `task` is about to let go of `lock`. Locks may be released in any order.
  void release(HeldLocks& task, LockMap& lock, uintptr_t ip) EXCLUDES(lock_);

  // Findings so far: 0 or 1, since the first turns the checker off. A full table is none.
  uint64_t reports() const { return reports_.load(std::memory_order_relaxed); }
  // False after a finding or a full table: then nothing more is checked.
  bool enabled() const { return enabled_.load(std::memory_order_relaxed); }

  // The lines of /proc/lockdep_stats that a checker without interrupts has.
  std::string stats() const EXCLUDES(lock_);

 private:
  Lockdep(ReportSink& sink, const Limits& limits, ClassTable classes, DependencyGraph graph,
          ChainCache chains);

  // The class of `lock`, registered on first use; kNoLockClass when that turned the checker off.
  LockClassId class_of(LockMap& lock) EXCLUDES(lock_);
  LockClassId register_class(LockMap& lock) EXCLUDES(lock_);
  // `lock` as it will be held; false when the checker is off or turned off here.
  bool prepare(HeldLocks& task, LockMap& lock, HeldLock& next) EXCLUDES(lock_);
  void push(HeldLocks& task, const HeldLock& next);

  // Checks and learns the chain that `next` ends. False when that turned the checker off.
  [[gnu::noinline]] bool validate_chain(const HeldLocks& task, const HeldLock& next)
      EXCLUDES(lock_);
  bool check_recursion_locked(const HeldLocks& task, const HeldLock& next) REQUIRES(lock_);
  bool add_dependencies_locked(const HeldLocks& task, const HeldLock& next) REQUIRES(lock_);
  bool add_dependency_locked(const HeldLocks& task, const HeldLock& held, const HeldLock& next,
                             const StackTrace& trace) REQUIRES(lock_);

  // True for the one caller that turned it off.
  bool turn_off() { return enabled_.exchange(false, std::memory_order_relaxed); }
  void report(const std::string& text);
  void report_limit(const char* name, size_t limit);

  ReportSink& sink_;
  const Limits limits_;
  // Relaxed: switching off orders nothing, it only makes later checks stop soon.
  Atomic<bool> enabled_{true};
  Atomic<uint64_t> reports_{0};
  Atomic<uint32_t> max_depth_{0};

  ClassTable classes_;
  ChainCache chains_;  // looked up without lock_, added to under it

  mutable RawSpinlock lock_;
  DependencyGraph graph_ GUARDED_BY(lock_);
};

}  // namespace ring3::lockdep
