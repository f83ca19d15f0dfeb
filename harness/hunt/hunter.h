#pragma once

// Runs scenarios under schedules and keeps what goes wrong.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harness/hunt/campaign.h"
#include "harness/hunt/scenario.h"
#include "harness/hunt/target.h"
#include "harness/sim/strategy.h"
#include "harness/sim/world.h"

namespace ring3::harness {

// One scenario under one schedule.
struct Verdict {
  Ending ending = Ending::kDone;
  std::string what;       // is wrong; empty when nothing is
  std::string signature;  // the same for the same fault, whatever the addresses and numbers
  Schedule schedule;
  StepCounts steps;
  uint64_t trace_hash = 0;
  bool clean() const { return ending == Ending::kDone; }
};

// A target of a run that has failed is left as it is, with what it owns: its locks may be held.
Verdict run_scenario(const Scenario& scenario, Strategy& strategy, StackPool& stacks);

struct Finding {
  Scenario scenario;
  Verdict verdict;
  StrategyKind strategy = StrategyKind::kRandom;
  uint64_t seed = 0;   // of the first time
  uint64_t count = 1;  // times it was found
};
FindingRecord record_of(const Finding& finding);

// What to hunt for.
struct HuntPlan {
  std::vector<const TargetInfo*> targets;
  std::optional<StrategyKind> strategy;  // else all in turn
  uint64_t first_seed = 0;
  uint64_t last_seed = UINT64_MAX;
  bool shrink = false;
};

class Hunter {
 public:
  explicit Hunter(const HuntPlan& plan) : plan_(plan), next_seed_(plan.first_seed) {}

  // Runs the next seed; false when there is none left. A seed is a target, a scenario of it, a
  // strategy and a schedule.
  bool hunt_next();
  bool done() const { return next_seed_ > plan_.last_seed || exhausted_; }

  const HuntPlan& plan() const { return plan_; }
  uint64_t schedules() const { return schedules_; }
  uint64_t steps() const { return steps_; }
  uint64_t next_seed() const { return next_seed_; }
  // By signature.
  const std::map<std::string, Finding>& findings() const { return findings_; }

 private:
  void prepare(uint64_t group);
  void add(const Verdict& verdict, StrategyKind strategy, uint64_t seed);

  const HuntPlan plan_;
  StackPool stacks_;
  uint64_t next_seed_;
  bool exhausted_ = false;
  // Of the seeds that share a scenario.
  std::optional<uint64_t> group_;
  const TargetInfo* target_ = nullptr;
  Scenario scenario_;
  StepCounts expected_;
  uint64_t schedules_ = 0;
  uint64_t steps_ = 0;
  std::map<std::string, Finding> findings_;
};

// A finding with as few tasks, operations, switches and moves as still show it.
Finding shrink(const Finding& finding, StackPool& stacks);

}  // namespace ring3::harness
