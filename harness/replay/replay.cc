#include "harness/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "harness/replay/replay_run.h"
#include "lib/os.h"

namespace ring3::harness {
namespace {

const char* option_of(ReplayMode mode) {
  return mode == ReplayMode::kPages ? "--pages" : "--objects";
}

// Memory in use is looked at as many times between two samples: often, since its peak is wanted.
constexpr size_t kLooksPerSample = 64;

// Runs the plan part by part, looking at memory between the parts.
void run_and_look(ReplayRun& run, mm::Memory& memory, const ReplayPlan& plan,
                  ReplayReport& report) {
  std::vector<PageSet> samples;
  constexpr size_t kLooks = kReplaySamples * kLooksPerSample;
  for (size_t look = 0; look < kLooks; ++look) {
    const Part part = part_of(plan.steps.size(), look, kLooks);
    run.carry_out(std::span(plan.steps).subspan(part.begin, part.end - part.begin));
    report.final_bytes = memory.pages().allocated_pages().value() * mm::kPageSize;
    report.peak_bytes = std::max(report.peak_bytes, report.final_bytes);
    if ((look + 1) % kLooksPerSample == 0) samples.push_back(allocated_pages(memory.pages()));
  }
  report.ours = unusable_over_time(samples);
}

// A memory and the run of the plan on it.
struct Stage {
  std::unique_ptr<mm::Memory> memory;
  ReplayRun run;
};
Result<Stage> make_stage(const ReplayOptions& options, const Trace& trace, const ReplayPlan& plan) {
  auto memory = mm::Memory::create({.size_bytes = options.memory_bytes});
  if (!memory) return memory.error();
  auto run = ReplayRun::create(**memory, trace, plan);
  if (!run) return run.error();
  return Stage{std::move(*memory), std::move(*run)};
}

// The time of all steps, on a memory that nobody has used, as often as asked.
Status take_times(const ReplayOptions& options, const Trace& trace, const ReplayPlan& plan,
                  ReplayReport& report) {
  for (uint32_t i = 0; i < options.repetitions; ++i) {
    Result<Stage> stage = make_stage(options, trace, plan);
    if (!stage) return stage.error();
    const Nanos start = os::monotonic_now();
    stage->run.carry_out(plan.steps);
    report.times.push_back(os::monotonic_now() - start);
    stage->run.free_all();
  }
  std::sort(report.times.begin(), report.times.end());
  return {};
}

}  // namespace

Result<ReplayReport> run_replay(const ReplayOptions& options) {
  Result<Trace> trace = read_trace(options.path);
  if (!trace) return trace.error();
  ReplayPlan plan = make_replay_plan(*trace, options.mode);
  if (plan.steps.empty()) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("trace '{}' has nothing to replay with {}; try the other of --pages "
                             "and --objects",
                             options.path, option_of(plan.mode))};
  }
  Result<Stage> stage = make_stage(options, *trace, plan);
  if (!stage) return stage.error();
  ReplayReport report;
  report.options = options;
  run_and_look(stage->run, *stage->memory, plan, report);
  const ReplayPlan page_plan = make_replay_plan(*trace, ReplayMode::kPages);
  report.traced = unusable_over_time(traced_pages(page_plan));

  stage->run.free_all();
  report.failed_allocs = stage->run.failed_allocs();
  report.refused_frees = stage->memory->misuses();
  const mm::Leaks leaks = stage->memory->close();
  report.leaks = leaks.objects + leaks.pages.value();
  if (Status timed = take_times(options, *trace, plan, report); !timed) return timed.error();
  report.events_by_kind = trace->by_kind();
  report.events = trace->events.size();
  report.steps = plan.steps.size();
  trace->events = {};
  plan.steps = {};
  report.trace = std::move(*trace);
  report.plan = std::move(plan);
  return report;
}

}  // namespace ring3::harness
