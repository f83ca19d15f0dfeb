#pragma once

// A kernel's allocation trace through our allocators.

#include <string>
#include <vector>

#include "harness/replay/fragmentation.h"
#include "harness/replay/replay_plan.h"
#include "harness/replay/trace_reader.h"
#include "lib/units.h"

namespace ring3::harness {

struct ReplayOptions {
  std::string path;
  ReplayMode mode = ReplayMode::kAuto;
  uint64_t memory_bytes = uint64_t{1} << 30;
  uint32_t repetitions = 5;  // timed ones, beside the one that looks at memory
  std::string json_path;     // empty: none; "-": standard output
};

struct ReplayReport {
  ReplayOptions options;
  Trace trace;  // without its events
  std::array<uint64_t, kTraceEventKinds> events_by_kind{};
  uint64_t events = 0;
  ReplayPlan plan;  // without its steps
  uint64_t steps = 0;

  std::vector<Nanos> times;  // of all steps, nothing else, of each repetition, shortest first
  uint64_t failed_allocs = 0;
  uint64_t refused_frees = 0;  // frees that our allocators reported as wrong: 0
  uint64_t leaks = 0;          // objects and pages left after everything was freed: 0
  uint64_t peak_bytes = 0;     // of pages in use, at 64 moments a sample
  uint64_t final_bytes = 0;    // after the last event

  std::vector<UnusableIndex> ours;    // at each sample
  std::vector<UnusableIndex> traced;  // of the kernel's own pages; empty without page events

  Nanos median_time() const { return times[times.size() / 2]; }
  double ns_per_event(Nanos time) const {
    return steps == 0 ? 0 : static_cast<double>(time.value()) / static_cast<double>(steps);
  }
};

// Errors as read_trace() has them; kInvalidArgument when the trace has no event for the mode that
// was asked for; kNoResource when the host refuses the memory.
Result<ReplayReport> run_replay(const ReplayOptions& options);

}  // namespace ring3::harness
