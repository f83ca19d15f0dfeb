#pragma once

// What there is of workloads: each is a file of its own, a line in kWorkloadInfos, and a line here.

#include <memory>
#include <string>

#include "harness/stress/machine.h"
#include "harness/stress/stress_options.h"
#include "harness/stress/workload.h"

namespace ring3::harness {

// Why `kind` does not run with `options`; empty when it does.
std::string skip_reason(WorkloadKind kind, const StressOptions& options);

// Failures are injected into `machine` from now on, where `options` asks for some.
void arm_faults(Machine& machine, const StressOptions& options);

// The workload of `kind` on `machine`, which outlives it.
Result<std::unique_ptr<Workload>> make_workload(WorkloadKind kind, Machine& machine,
                                                const StressOptions& options);

}  // namespace ring3::harness
