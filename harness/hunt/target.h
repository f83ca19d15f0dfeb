#pragma once

// What is hunted in: a part of ring3 on a simulated machine, with the operations that a scenario
// may call, and a sequential model beside it that says what must hold whatever the order.

#include <memory>
#include <string_view>

#include "harness/hunt/scenario.h"
#include "harness/sim/world.h"

namespace ring3::harness {

class Target {
 public:
  virtual ~Target() = default;

  // One operation of a task of the world; calls world.fail() when something is wrong.
  virtual void run(World& world, uint32_t task, const Op& op) = 0;
  // After all tasks, as a task of its own: gives everything back and looks whether all is well.
  virtual void finish(World& world) = 0;
};

struct TargetInfo {
  std::string_view name;
  std::string_view about;
  std::span<const OpInfo> ops;
  // How likely each operation is in a random scenario, against the others.
  std::span<const uint32_t> weights;
  // Scenarios that people thought of, as text without the line that names the target.
  std::span<const std::string_view> named;
  // For `scenario`, whose CPUs and tasks the world has; called where per-CPU objects are made for
  // them. The target may add interrupts.
  std::unique_ptr<Target> (*make)(World& world, const Scenario& scenario);
};

// What --target all hunts in; the canary is not among them.
std::span<const TargetInfo* const> targets();
// Null for a name that is none.
const TargetInfo* find_target(std::string_view name);
std::span<const OpInfo> ops_of_target(std::string_view name);

// Number `number` of a target's scenarios: every fourth is a named one, in turn; the rest is drawn.
Scenario make_scenario(const TargetInfo& target, uint64_t number);

}  // namespace ring3::harness
