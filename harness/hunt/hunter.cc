#include "harness/hunt/hunter.h"

#include <fmt/format.h>

#include <cctype>

namespace ring3::harness {
namespace {

// Seeds that run the same scenario: enough that what is learnt of it pays.
constexpr uint64_t kSchedulesEach = 32;

constexpr uint64_t kMaxSteps = 100'000;

// The first line of `what` without its numbers.
std::string signature_of(std::string_view target, std::string_view what) {
  std::string signature = fmt::format("{}: ", target);
  bool in_number = false;
  for (const char c : what.substr(0, what.find('\n'))) {
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (digit && !in_number) signature += 'N';
    if (!digit) signature += c;
    in_number = digit;
  }
  return signature;
}

const char* kind_of(Ending ending) {
  switch (ending) {
    case Ending::kDone:
      return "clean";
    case Ending::kDeadlock:
      return "deadlock";
    case Ending::kEndless:
      return "no end";
    case Ending::kFailed:
      return "failed";
  }
  return "?";
}

// What runs that have failed leave behind: referred to, so that it does not count as leaked.
void abandon(std::unique_ptr<Target> target) {
  static std::vector<Target*>& abandoned = *new std::vector<Target*>;
  abandoned.push_back(target.release());
}

}  // namespace

Verdict run_scenario(const Scenario& scenario, Strategy& strategy, StackPool& stacks) {
  World world({.cpus = scenario.cpus, .max_steps = kMaxSteps}, strategy, stacks);
  const World::Setup setup(world);
  std::unique_ptr<Target> target;
  for (uint32_t t = 0; t < scenario.tasks.size(); ++t) {
    const ScenarioTask& task = scenario.tasks[t];
    world.spawn(fmt::format("task{}", t), task.cpu, [&world, &target, &task, t] {
      for (const Op& op : task.ops) target->run(world, t, op);
    });
  }
  target = find_target(scenario.target)->make(world, scenario);
  Verdict verdict{.ending = world.run(),
                  .what = {},
                  .signature = {},
                  .schedule = world.schedule(),
                  .steps = world.step_counts(),
                  .trace_hash = world.trace_hash()};
  if (verdict.clean()) {
    verdict.ending = world.conclude("end", [&] { target->finish(world); });
  }
  verdict.what = world.what();
  if (!verdict.clean()) {
    verdict.signature = signature_of(scenario.target, verdict.what);
    abandon(std::move(target));
  }
  return verdict;
}

FindingRecord record_of(const Finding& finding) {
  const Verdict& verdict = finding.verdict;
  return {.ending = kind_of(verdict.ending),
          .signature = verdict.signature,
          .what = verdict.what,
          .target = finding.scenario.target,
          .seed = finding.seed,
          .strategy = std::string(strategy_name(finding.strategy)),
          .count = finding.count,
          .operations = finding.scenario.op_count(),
          .switches = verdict.schedule.switches.size(),
          .moves = verdict.schedule.moves.size(),
          .story = to_text(finding.scenario, ops_of_target(finding.scenario.target)) +
                   to_text(verdict.schedule)};
}

void Hunter::prepare(uint64_t group) {
  if (group_ == group) return;
  group_ = group;
  target_ = plan_.targets[group % plan_.targets.size()];
  scenario_ = make_scenario(*target_, group / plan_.targets.size());
  const Schedule straight_on;
  const Verdict verdict = run_scenario(scenario_, *make_replay(straight_on), stacks_);
  ++schedules_;
  steps_ += verdict.steps.total();
  expected_ = verdict.steps;
  if (!verdict.clean()) add(verdict, StrategyKind::kRandom, group * kSchedulesEach);
}

bool Hunter::hunt_next() {
  if (done()) return false;
  const uint64_t seed = next_seed_++;
  if (next_seed_ == 0) exhausted_ = true;
  prepare(seed / kSchedulesEach);
  const StrategyKind kind = plan_.strategy.value_or(kStrategies[seed % std::size(kStrategies)]);
  const Verdict verdict = run_scenario(scenario_, *make_strategy(kind, seed, expected_), stacks_);
  ++schedules_;
  steps_ += verdict.steps.total();
  if (!verdict.clean()) add(verdict, kind, seed);
  return true;
}

void Hunter::add(const Verdict& verdict, StrategyKind strategy, uint64_t seed) {
  const auto found = findings_.find(verdict.signature);
  if (found != findings_.end()) {
    ++found->second.count;
    return;
  }
  Finding finding{
      .scenario = scenario_, .verdict = verdict, .strategy = strategy, .seed = seed, .count = 1};
  findings_.emplace(verdict.signature, plan_.shrink ? shrink(finding, stacks_) : finding);
}

}  // namespace ring3::harness
