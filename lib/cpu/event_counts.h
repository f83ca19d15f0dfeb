#pragma once

// Counters of events, one for each value of an enum that ends in kCount: exact, per CPU, and
// counted beside the tracepoint of the same name, so that `perf stat` on the probes and the
// counters agree.

#include <cstdint>

#include "lib/cpu/percpu_counters.h"

namespace ring3 {

template <class Event>
class EventCounts {
 public:
  explicit EventCounts(PerCpuCounters counters) : counters_(std::move(counters)) {}

  static Result<PerCpuCounters> create_counters(const Topology& topology) {
    return PerCpuCounters::create(static_cast<size_t>(Event::kCount), topology);
  }

  void add(Event event, uint64_t amount = 1) { counters_.add(static_cast<size_t>(event), amount); }
  // May miss events of threads that run meanwhile.
  uint64_t sum(Event event) const { return counters_.sum(static_cast<size_t>(event)); }
  // Those of one CPU; of `cpus()`, those of threads without one.
  uint64_t of_cpu(Event event, unsigned cpu) const {
    return counters_.of_cpu(static_cast<size_t>(event), cpu);
  }
  unsigned cpus() const { return counters_.cpus(); }

 private:
  PerCpuCounters counters_;
};

}  // namespace ring3
