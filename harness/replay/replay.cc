#include "harness/replay/replay.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/replay/background.h"
#include "harness/replay/replay_run.h"
#include "lib/os.h"

namespace ring3::harness {
namespace {

const char* option_of(ReplayMode mode) {
  return mode == ReplayMode::kPages ? "--pages" : "--objects";
}

// At its peak the trace takes half of what the background leaves; and no arena is so small that its
// pageblocks could be counted on two hands.
uint64_t default_memory(const ReplayPlan& plan, unsigned fill_percent) {
  constexpr uint64_t kLeast = uint64_t{1} << 30;
  const uint64_t free_percent = 100 - fill_percent;
  const uint64_t bytes = plan.peak_requested_bytes * 2 * 100 / free_percent;
  return std::min<uint64_t>(align_up(std::max(kLeast, bytes), mm::kArenaGranule),
                            mm::kMaxArenaBytes);
}

// A memory that is full to the degree that was asked for, and the run of the plan on it.
class Stage {
 public:
  static Result<std::unique_ptr<Stage>> create(const ReplayReport& report, const Trace& trace,
                                               const ReplayPlan& plan,
                                               const mm::PagePolicy* policy) {
    // What is refused is counted.
    auto memory = mm::Memory::create(
        {.size_bytes = report.memory_bytes, .policy = policy, .failures = nullptr});
    if (!memory) return memory.error();
    std::unique_ptr<Stage> stage(new Stage(std::move(*memory), report.options.seed));
    auto run = ReplayRun::create(*stage->memory_, trace, plan, stage->types_);
    if (!run) return run.error();
    stage->run_.emplace(std::move(*run));
    stage->background_.fill(report.options.fill_percent);
    return stage;
  }

  // Part by part, looking at memory after each.
  void run_and_look(const ReplayPlan& plan, PolicyResult& result) {
    result.background_pages = background_.in_use().value();
    for (size_t sample = 0; sample < kReplaySamples; ++sample) {
      const Part part = part_of(plan.steps.size(), sample, kReplaySamples);
      run_->carry_out(std::span(plan.steps).subspan(part.begin, part.end - part.begin));
      result.slices.push_back(look_at_pages(memory_->pages(), types_));
      const uint64_t pages = result.slices.back().used_pages() - result.background_pages;
      result.final_bytes = pages * mm::kPageSize;
      result.peak_bytes = std::max(result.peak_bytes, result.final_bytes);
    }
    end();
    result.failed_allocs = run_->failed_allocs();
    result.refused_frees = memory_->misuses();
    const mm::Leaks leaks = memory_->close();
    result.leaks = leaks.objects + leaks.pages.value();
  }

  Nanos time(const ReplayPlan& plan) {
    const Nanos start = os::monotonic_now();
    run_->carry_out(plan.steps);
    const Nanos time = os::monotonic_now() - start;
    end();
    return time;
  }

 private:
  Stage(std::unique_ptr<mm::Memory> memory, uint64_t seed)
      : memory_(std::move(memory)),
        types_(memory_->pages().total_pages()),
        background_(memory_->pages(), types_, seed) {}

  void end() {
    run_->free_all();
    background_.free_all();
  }

  std::unique_ptr<mm::Memory> memory_;
  PageTypes types_;
  Background background_;
  std::optional<ReplayRun> run_;  // there from create() on
};

}  // namespace

bool ReplayReport::clean() const {
  return std::ranges::all_of(results, [](const PolicyResult& result) { return result.clean(); });
}

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
  ReplayReport report;
  report.options = options;
  report.memory_bytes = options.memory_bytes.value_or(default_memory(plan, options.fill_percent));
  for (const mm::PagePolicy* policy : options.policies) {
    auto stage = Stage::create(report, *trace, plan, policy);
    if (!stage) return stage.error();
    PolicyResult& result = report.results.emplace_back();
    result.policy = policy;
    (*stage)->run_and_look(plan, result);
  }
  // In turn, so that what else the machine does meets all of them alike.
  for (uint32_t i = 0; i < options.repetitions; ++i) {
    for (PolicyResult& result : report.results) {
      auto stage = Stage::create(report, *trace, plan, result.policy);
      if (!stage) return stage.error();
      result.times.push_back((*stage)->time(plan));
    }
  }
  for (PolicyResult& result : report.results) std::ranges::sort(result.times);
  report.traced = plan.mode == ReplayMode::kPages
                      ? traced_memory(plan)
                      : traced_memory(make_replay_plan(*trace, ReplayMode::kPages));
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
