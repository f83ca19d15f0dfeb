#pragma once

// The texts of all findings, in the shapes of the kernel's (print_circular_bug() and its
// neighbours in kernel/locking/lockdep.c), and the stats. Each returns a whole report.

#include <cstdint>
#include <span>
#include <string>

#include "lib/stack_trace.h"
#include "lockdep/class_table.h"
#include "lockdep/dependency_graph.h"
#include "lockdep/held_locks.h"

namespace ring3::lockdep {

// What every report needs to know.
struct ReportContext {
  const ClassTable& classes;
  const Lockdep* checker;
  const HeldLocks& task;
  const StackTrace& trace;  // of the operation that gave rise to the report
};

// `held` -> `next` would close the circle that `path` leads back, from next's class to held's.
std::string circular_report(const ReportContext& context, const HeldLock& next,
                            const HeldLock& held, std::span<const DependencyEdge* const> path);

// `next` is of the class of `held`.
std::string recursive_report(const ReportContext& context, const HeldLock& next,
                             const HeldLock& held);

// `task` releases `lock`, which it does not hold, at `ip`.
std::string unlock_balance_report(const ReportContext& context, const LockMap& lock, uintptr_t ip);

// A table is full. `name` is the kernel's name of the limit.
std::string limit_report(const char* name, size_t limit);

struct StatsValues {
  uint32_t classes = 0;
  uint32_t max_classes = 0;
  uint32_t edges = 0;
  uint32_t max_edges = 0;
  uint32_t chains = 0;
  uint32_t max_chains = 0;
  uint32_t max_depth = 0;
  bool enabled = false;
};
// The lines of /proc/lockdep_stats.
std::string stats_text(const StatsValues& values);

}  // namespace ring3::lockdep
