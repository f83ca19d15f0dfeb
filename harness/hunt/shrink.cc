// Makes a finding smaller: whatever can be taken out and the same fault is still found goes.
//
// Taking an operation out shifts every step after it, so the schedule is hunted for anew; taking a
// switch or a move out only has to be tried.

#include <algorithm>

#include "harness/hunt/hunter.h"

namespace ring3::harness {
namespace {

// Enough to find again what was found once in some hundred schedules.
constexpr uint64_t kTries = 400;

size_t size_of(const Schedule& schedule) {
  return schedule.switches.size() + schedule.moves.size();
}

class Shrinker {
 public:
  Shrinker(const Finding& finding, StackPool& stacks) : best_(finding), stacks_(stacks) {}

  Finding run() && {
    for (bool smaller = true; smaller;) smaller = drop_operations() || drop_tasks();
    keep_shortest();
    while (drop_decisions()) {
    }
    return std::move(best_);
  }

 private:
  bool same_fault(const Verdict& verdict) const {
    return !verdict.clean() && verdict.signature == best_.verdict.signature;
  }

  // Hunts for the fault in `scenario`, and takes the finding over when it is there.
  bool try_scenario(const Scenario& scenario) {
    const Schedule straight_on;
    const StepCounts expected = run_scenario(scenario, *make_replay(straight_on), stacks_).steps;
    for (uint64_t seed = 0; seed < kTries; ++seed) {
      const StrategyKind kind = kStrategies[seed % std::size(kStrategies)];
      const Verdict verdict = run_scenario(scenario, *make_strategy(kind, seed, expected), stacks_);
      if (!same_fault(verdict)) continue;
      best_.scenario = scenario;
      best_.verdict = verdict;
      return true;
    }
    return false;
  }

  bool drop_tasks() {
    for (size_t t = 0; t < best_.scenario.tasks.size(); ++t) {
      Scenario without = best_.scenario;
      without.tasks.erase(without.tasks.begin() + static_cast<ptrdiff_t>(t));
      if (!without.tasks.empty() && try_scenario(without)) return true;
    }
    return false;
  }

  bool drop_operations() {
    for (size_t t = 0; t < best_.scenario.tasks.size(); ++t) {
      for (size_t i = best_.scenario.tasks[t].ops.size(); i-- > 0;) {
        Scenario without = best_.scenario;
        auto& ops = without.tasks[t].ops;
        ops.erase(ops.begin() + static_cast<ptrdiff_t>(i));
        if (ops.empty()) without.tasks.erase(without.tasks.begin() + static_cast<ptrdiff_t>(t));
        if (!without.tasks.empty() && try_scenario(without)) return true;
      }
    }
    return false;
  }

  // Of several schedules of the same fault the one with the fewest decisions is nearest to the end.
  void keep_shortest() {
    const StepCounts expected = best_.verdict.steps;
    for (uint64_t seed = kTries; seed < 2 * kTries; ++seed) {
      const StrategyKind kind = kStrategies[seed % std::size(kStrategies)];
      const Verdict verdict =
          run_scenario(best_.scenario, *make_strategy(kind, seed, expected), stacks_);
      if (same_fault(verdict) && size_of(verdict.schedule) < size_of(best_.verdict.schedule)) {
        best_.verdict = verdict;
      }
    }
  }

  bool try_schedule(const Schedule& schedule) {
    const Verdict verdict = run_scenario(best_.scenario, *make_replay(schedule), stacks_);
    // A replay keeps what it did, which may be less than it was told.
    if (!same_fault(verdict) || size_of(verdict.schedule) >= size_of(best_.verdict.schedule)) {
      return false;
    }
    best_.verdict = verdict;
    return true;
  }

  bool drop_decisions() {
    for (size_t i = 0; i < best_.verdict.schedule.switches.size(); ++i) {
      Schedule without = best_.verdict.schedule;
      without.switches.erase(without.switches.begin() + static_cast<ptrdiff_t>(i));
      if (try_schedule(without)) return true;
    }
    for (size_t i = 0; i < best_.verdict.schedule.moves.size(); ++i) {
      Schedule without = best_.verdict.schedule;
      without.moves.erase(without.moves.begin() + static_cast<ptrdiff_t>(i));
      if (try_schedule(without)) return true;
    }
    return false;
  }

  Finding best_;
  StackPool& stacks_;
};

}  // namespace

Finding shrink(const Finding& finding, StackPool& stacks) {
  return Shrinker(finding, stacks).run();
}

}  // namespace ring3::harness
