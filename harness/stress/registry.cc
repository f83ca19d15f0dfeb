#include "harness/stress/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/base/parse_values.h"
#include "harness/stress/lock_workload.h"
#include "harness/stress/mm_workloads.h"
#include "harness/stress/tcp_workload.h"

namespace ring3::harness {

std::string skip_reason(WorkloadKind kind, const StressOptions& options) {
  if (options.workers_of(kind) == 0) return "not asked for";
  if (kind == WorkloadKind::kTcp && options.memory_bytes < kTcpLeastMemoryBytes) {
    return fmt::format("needs --memory {} or more", format_size(kTcpLeastMemoryBytes));
  }
  return {};
}

void arm_faults(Machine& machine, const StressOptions& options) {
  if (options.failslab) machine.memory().slabs().failslab().arm(*options.failslab, options.seed);
  if (options.fail_page_alloc) {
    machine.memory().pages().fail_page_alloc().arm(*options.fail_page_alloc, options.seed);
  }
}

Result<std::unique_ptr<Workload>> make_workload(WorkloadKind kind, Machine& machine,
                                                const StressOptions& options) {
  // The memory workloads share half of the arena; the rest is room for fragmentation and for tcp.
  const uint32_t holders =
      options.workers_of(WorkloadKind::kPages) + options.workers_of(WorkloadKind::kSlab) +
      options.workers_of(WorkloadKind::kKmalloc) + options.workers_of(WorkloadKind::kHeap);
  const size_t budget = options.memory_bytes / 2 / std::max(1u, holders);
  switch (kind) {
    case WorkloadKind::kPages:
      return make_pages_workload(machine, options, budget);
    case WorkloadKind::kSlab:
      return make_slab_workload(machine, options, budget);
    case WorkloadKind::kKmalloc:
      return make_kmalloc_workload(machine, options, budget);
    case WorkloadKind::kLock:
      return make_lock_workload(machine, options.canary == Canary::kAbba);
    case WorkloadKind::kTcp:
      return make_tcp_workload(machine, options.seed);
    case WorkloadKind::kHeap:
      return make_heap_workload(machine, options, budget);
  }
  __builtin_unreachable();
}

}  // namespace ring3::harness
