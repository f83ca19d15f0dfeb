#pragma once

// A kernel's allocation trace through our allocators: the same requests under one page policy after
// the other, in arenas of one size that are full to the same degree.

#include <optional>
#include <string>
#include <vector>

#include "harness/replay/fragmentation.h"
#include "harness/replay/page_map.h"
#include "harness/replay/replay_plan.h"
#include "harness/replay/trace_reader.h"
#include "lib/units.h"

namespace ring3::harness {

struct ReplayOptions {
  std::string path;
  ReplayMode mode = ReplayMode::kAuto;
  std::vector<const mm::PagePolicy*> policies{&mm::kKernelPolicy, &mm::kPackedPolicy};
  unsigned fill_percent = 90;            // of memory, in use before the trace begins
  uint64_t seed = 1;                     // of what is
  std::optional<uint64_t> memory_bytes;  // nothing: so that the trace fills half of the rest
  uint32_t repetitions = 5;              // timed ones, beside the one that looks at memory
  std::string json_path;                 // empty: none; "-": standard output
  std::string svg_path;
};

// What became of the trace under one policy.
struct PolicyResult {
  const mm::PagePolicy* policy;
  std::vector<Nanos> times{};  // of all steps, nothing else, of each repetition, shortest first
  uint64_t failed_allocs = 0;
  uint64_t refused_frees = 0;  // frees that our allocators reported as wrong: 0
  uint64_t leaks = 0;          // objects and pages left after everything was freed: 0
  uint64_t background_pages = 0;
  uint64_t peak_bytes = 0;   // of pages in use but for the background, at kReplaySamples moments
  uint64_t final_bytes = 0;  // after the last event
  std::vector<PageMapSlice> slices{};  // at those moments

  Nanos median_time() const { return times[times.size() / 2]; }
  bool clean() const { return refused_frees == 0 && leaks == 0; }
  // Means over all slices (PageMapSlice).
  double whole_percent() const { return mean(&PageMapSlice::whole_percent); }
  double mixed_percent() const { return mean(&PageMapSlice::mixed_percent); }

 private:
  double mean(double (PageMapSlice::*percent)() const) const {
    double sum = 0;
    for (const PageMapSlice& slice : slices) sum += (slice.*percent)();
    return sum / static_cast<double>(slices.size());
  }
};

struct ReplayReport {
  ReplayOptions options;
  uint64_t memory_bytes = 0;
  Trace trace;  // without its events
  std::array<uint64_t, kTraceEventKinds> events_by_kind{};
  uint64_t events = 0;
  ReplayPlan plan;  // without its steps
  uint64_t steps = 0;
  std::vector<PolicyResult> results;  // in the order of the options
  TracedMemory traced;                // without page events, nothing is covered

  double ns_per_event(Nanos time) const {
    return steps == 0 ? 0 : static_cast<double>(time.value()) / static_cast<double>(steps);
  }
  bool clean() const;
};

// Errors as read_trace() has them; kInvalidArgument when the trace has no event for the mode that
// was asked for; kNoResource when the host refuses the memory.
Result<ReplayReport> run_replay(const ReplayOptions& options);

}  // namespace ring3::harness
