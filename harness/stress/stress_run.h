#pragma once

#include <string>

#include "harness/stress/stress_report.h"
#include "lib/result.h"

namespace ring3::harness {

// Runs the workloads that `options` ask for on one machine, all at once or in turn, until the time
// or the operations are used up or SIGINT comes. kNoResource when the host refuses memory or
// threads. Does not return when a worker hangs: the process then ends with ExitCode::kLiveness.
Result<StressReport> run_stress(const StressOptions& options, const std::string& command);

}  // namespace ring3::harness
