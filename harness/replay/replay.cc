#include "harness/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "harness/replay/replay_machine.h"
#include "lib/os.h"

namespace ring3::harness {
namespace {

const char* option_of(ReplayMode mode) {
  return mode == ReplayMode::kPages ? "--pages" : "--objects";
}

// Memory in use is looked at as many times between two samples: often, since its peak is wanted.
constexpr size_t kLooksPerSample = 64;

// Runs the plan part by part, looking at memory between the parts, when the clock stands.
void run_plan(ReplayMachine& machine, mm::Memory& memory, const ReplayPlan& plan,
              ReplayReport& report) {
  std::vector<PageSet> samples;
  constexpr size_t kLooks = kReplaySamples * kLooksPerSample;
  for (size_t look = 0; look < kLooks; ++look) {
    const Part part = part_of(plan.steps.size(), look, kLooks);
    const Nanos start = os::monotonic_now();
    machine.run(std::span(plan.steps).subspan(part.begin, part.end - part.begin));
    report.time += os::monotonic_now() - start;

    report.final_bytes = memory.pages().allocated_pages().value() * mm::kPageSize;
    report.peak_bytes = std::max(report.peak_bytes, report.final_bytes);
    if ((look + 1) % kLooksPerSample == 0) samples.push_back(allocated_pages(memory.pages()));
  }
  report.ours = unusable_over_time(samples);
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
  auto memory = mm::Memory::create({.size_bytes = options.memory_bytes});
  if (!memory) return memory.error();
  auto machine = ReplayMachine::create(**memory, *trace, plan);
  if (!machine) return machine.error();

  ReplayReport report;
  report.options = options;
  run_plan(*machine, **memory, plan, report);
  const ReplayPlan page_plan = make_replay_plan(*trace, ReplayMode::kPages);
  report.traced = unusable_over_time(traced_pages(page_plan));

  machine->free_all();
  report.failed_allocs = machine->failed_allocs();
  report.refused_frees = (*memory)->misuses();
  const mm::Leaks leaks = (*memory)->close();
  report.leaks = leaks.objects + leaks.pages.value();
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
