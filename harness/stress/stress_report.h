#pragma once

// What a stress run found, ready to be printed.

#include <string>
#include <vector>

#include "harness/base/exit_code.h"
#include "harness/stress/machine.h"
#include "harness/stress/proc_snapshot.h"
#include "harness/stress/stress_options.h"
#include "harness/stress/worker_stats.h"
#include "lib/histogram.h"
#include "lib/units.h"

namespace ring3::harness {

struct WorkloadReport {
  WorkloadInfo info;
  std::string skipped;  // why it did not run; empty when it did
  uint32_t workers = 0;
  uint64_t ops = 0;
  uint64_t failures = 0;
  uint64_t verified = 0;
  uint64_t errors = 0;
  Nanos real{0};  // until its last worker was done
  Nanos cpu{0};
  Log2Histogram latency_ns;

  // Adds what one worker did; `real` is the caller's to know.
  void add(const WorkerStats& stats);

  double ops_per_real_second() const { return per_second(real); }
  double ops_per_cpu_second() const { return per_second(cpu); }

 private:
  double per_second(Nanos time) const {
    return time > Nanos(0) ? static_cast<double>(ops) * 1e9 / static_cast<double>(time.value()) : 0;
  }
};

struct StressReport {
  std::string command;  // that repeats the requests
  StressOptions options;
  std::vector<WorkloadReport> workloads;
  // Hits of ring3's tracepoints, equal to what `perf stat -e 'sdt_ring3:*'` counts.
  std::vector<NamedCount> tracepoints;
  std::vector<NamedCount> faults_injected;
  uint64_t reports = 0;  // of misuse, deadlock or leak
  uint64_t broken_invariants = 0;
  uint64_t leaked_objects = 0;
  uint64_t leaked_pages = 0;
  size_t rss_bytes = 0;
  Nanos real{0};
  bool interrupted = false;
  std::string buddyinfo;
  std::string slabinfo;
  std::string lockdep_stats;
  std::vector<ProcFile> proc;  // as the workers left memory, if a snapshot was asked for

  uint64_t errors() const;
  ExitCode exit_code() const;
};

}  // namespace ring3::harness
