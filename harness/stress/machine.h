#pragma once

// What the workloads of one run share: a lock checker and a memory whose locks it checks.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/stress/report_counter.h"
#include "harness/stress/stress_options.h"
#include "lockdep/lockdep.h"
#include "mm/mm.h"

namespace ring3::harness {

struct NamedCount {
  std::string name;
  uint64_t count;
};

class Machine {
 public:
  // The machine that a run with these options needs. kNoResource when the host refuses. `topology`
  // outlives it. Reports of every subsystem go to standard error and are counted.
  static Result<std::unique_ptr<Machine>> create(const StressOptions& options,
                                                 const Topology& topology);

  lockdep::Lockdep& lockdep() { return *lockdep_; }
  mm::Memory& memory() { return *memory_; }
  // Hits of ring3's tracepoints so far: what `perf stat -e 'sdt_ring3:*'` counts, if it counts from
  // the start.
  std::vector<NamedCount> tracepoints() const;
  // Retransmissions of a network that ends with its workload.
  void add_tcp_retransmits(uint64_t count) { tcp_retransmits_ += count; }

  // Where the parts of a workload report to.
  ReportSink& sink() { return *sink_; }
  // Reports of misuse, deadlock or leak so far.
  uint64_t reports() const { return sink_->count(); }

 private:
  Machine(std::unique_ptr<ReportCounter> sink, std::unique_ptr<lockdep::Lockdep> lockdep,
          std::unique_ptr<mm::Memory> memory)
      : sink_(std::move(sink)), lockdep_(std::move(lockdep)), memory_(std::move(memory)) {}

  std::unique_ptr<ReportCounter> sink_;
  std::unique_ptr<lockdep::Lockdep> lockdep_;
  std::unique_ptr<mm::Memory> memory_;
  uint64_t tcp_retransmits_ = 0;
};

}  // namespace ring3::harness
