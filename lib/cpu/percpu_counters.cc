#include "lib/cpu/percpu_counters.h"

#include <algorithm>

#include "lib/cpu/task.h"

namespace ring3 {

Result<PerCpuCounters> PerCpuCounters::create(size_t counters, const Topology& topology,
                                              PerCpuMode mode) {
  CHECK_GT(counters, 0u);
  Result<PerCpuCells> rows =
      PerCpuCells::create(counters * sizeof(uint64_t), topology.cpu_ids(), 1);
  if (!rows) return rows.error();
  return PerCpuCounters(std::move(*rows), counters, mode);
}

// A thread that the sequence refused has no CPU's row: it counts in the one that no sequence ever
// touches, since a plain add beside an atomic one could lose it. Relaxed: a count orders nothing;
// readers want the sum, not what it was counted for.
void PerCpuCounters::add_without_sequence(size_t counter, uint64_t amount) {
  const unsigned row =
      mode_ == PerCpuMode::kRseq ? rows_.cpus() : std::min(Task::current().cpu(), rows_.cpus());
  cell(row, counter).fetch_add(amount, std::memory_order_relaxed);
}

uint64_t PerCpuCounters::of_cpu(size_t counter, unsigned cpu) const {
  CHECK_LT(counter, counters_);
  CHECK_LE(cpu, rows_.cpus());
  return cell(cpu, counter).load(std::memory_order_relaxed);
}

uint64_t PerCpuCounters::sum(size_t counter) const {
  uint64_t total = 0;
  for (unsigned row = 0; row <= rows_.cpus(); ++row) total += of_cpu(counter, row);
  return total;
}

}  // namespace ring3
