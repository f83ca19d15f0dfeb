#pragma once

#include <string>
#include <vector>

#include "harness/sim/strategy.h"
#include "harness/sim_options.h"
#include "harness/stress/stress_report.h"
#include "lib/result.h"

namespace ring3::harness {

struct SimReport {
  std::vector<WorkloadReport> rows;
  std::string stopped;  // why the run came to no good end; empty when it did
  uint64_t steps = 0;
  uint64_t switches = 0;
  uint64_t reports = 0;  // of misuse, deadlock or leak
  uint64_t broken_invariants = 0;
  uint64_t leaked_objects = 0;
  uint64_t leaked_pages = 0;
  uint64_t trace_hash = 0;
  Schedule schedule;

  uint64_t errors() const;
};

// Runs the workloads on a simulated machine. `options` is complete (fill_from_seed).
// kInvalidArgument for a machine that cannot be, kNoResource when the host refuses memory.
Result<SimReport> run_sim(const SimOptions& options);

}  // namespace ring3::harness
