#pragma once

// The workloads on memory: pages, slab, kmalloc and heap.

#include <memory>

#include "harness/stress/machine.h"
#include "harness/stress/stress_options.h"
#include "harness/stress/workload.h"

namespace ring3::harness {

// `budget_bytes` is what one worker may hold. The machine outlives the workload.
std::unique_ptr<Workload> make_pages_workload(Machine& machine, const StressOptions& options,
                                              size_t budget_bytes);
std::unique_ptr<Workload> make_slab_workload(Machine& machine, const StressOptions& options,
                                             size_t budget_bytes);
std::unique_ptr<Workload> make_kmalloc_workload(Machine& machine, const StressOptions& options,
                                                size_t budget_bytes);
// On a machine that is mappable. kNoResource when the host refuses the heaps' address space.
Result<std::unique_ptr<Workload>> make_heap_workload(Machine& machine, const StressOptions& options,
                                                     size_t budget_bytes);

}  // namespace ring3::harness
