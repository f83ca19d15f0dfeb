#include "harness/stress/stress_report.h"

#include <algorithm>

namespace ring3::harness {

void WorkloadReport::add(const WorkerStats& stats) {
  ops += stats.ops.load(std::memory_order_relaxed);
  failures += stats.failures;
  verified += stats.verified;
  errors += stats.errors.load(std::memory_order_relaxed);
  cpu += stats.cpu;
  latency_ns.merge(stats.latency_ns);
}

uint64_t StressReport::errors() const {
  // A leak is in the reports.
  uint64_t errors = reports + broken_invariants;
  for (const WorkloadReport& workload : workloads) errors += workload.errors;
  return errors;
}

ExitCode StressReport::exit_code() const {
  if (errors() != 0) return ExitCode::kVerificationFailed;
  const bool all_skipped = std::all_of(workloads.begin(), workloads.end(),
                                       [](const WorkloadReport& w) { return !w.skipped.empty(); });
  return all_skipped ? ExitCode::kSkipped : ExitCode::kClean;
}

}  // namespace ring3::harness
