#pragma once

// What the tests of per-CPU data share.

#include <sched.h>

#include <cstdint>
#include <ostream>
#include <vector>

#include "lib/cpu/percpu.h"

namespace ring3 {

inline std::ostream& operator<<(std::ostream& out, PerCpuMode mode) {
  return out << (mode == PerCpuMode::kRseq ? "rseq" : "locked");
}

namespace test {

// Both forms, where this process has both.
inline std::vector<PerCpuMode> percpu_modes() {
  if (percpu_mode() == PerCpuMode::kLocked) return {PerCpuMode::kLocked};
  return {PerCpuMode::kRseq, PerCpuMode::kLocked};
}

// Moves this thread to the i-th CPU, around.
inline void hop(uint64_t i) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(i % Topology::host().online_count(), &set);
  sched_setaffinity(0, sizeof set, &set);
}

}  // namespace test
}  // namespace ring3
