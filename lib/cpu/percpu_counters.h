#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lib/cpu/percpu.h"

namespace ring3 {

// Monotonic event counters, a row of them a CPU, and one more row for those without a CPU's. add()
// is exact: no increment is lost to migration or preemption. sum() may miss adds that run at the
// same time.
class PerCpuCounters {
 public:
  static Result<PerCpuCounters> create(size_t counters, const Topology& topology = Topology::host(),
                                       PerCpuMode mode = percpu_mode());

  PerCpuCounters(PerCpuCounters&&) = default;

  void add(size_t counter, uint64_t amount) {
    DCHECK_LT(counter, counters_);
    if (mode_ != PerCpuMode::kRseq ||
        !rseq::counter_add(rows_.cells(), counter * sizeof(uint64_t), amount)) [[unlikely]] {
      add_without_sequence(counter, amount);
    }
  }
  uint64_t sum(size_t counter) const;
  // Those of one CPU; of `cpus()`, those without a CPU's.
  uint64_t of_cpu(size_t counter, unsigned cpu) const;
  unsigned cpus() const { return rows_.cpus(); }

 private:
  PerCpuCounters(PerCpuCells rows, size_t counters, PerCpuMode mode)
      : rows_(std::move(rows)), counters_(counters), mode_(mode) {}

  // Not an Atomic: adds commute, so it does not matter who comes between them.
  std::atomic_ref<uint64_t> cell(unsigned row, size_t counter) const {
    return std::atomic_ref<uint64_t>(reinterpret_cast<uint64_t*>(rows_.cell(row))[counter]);
  }
  [[gnu::cold]] void add_without_sequence(size_t counter, uint64_t amount);

  PerCpuCells rows_;
  size_t counters_;
  PerCpuMode mode_;
};

}  // namespace ring3
