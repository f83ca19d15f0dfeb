#include "harness/hunt/target.h"

#include <fmt/format.h>

#include <array>

#include "harness/hunt/all_targets.h"
#include "lib/prng.h"

namespace ring3::harness {
namespace {

constexpr std::array<const TargetInfo*, 6> kTargets{&kPercpuTarget, &kLockTarget, &kPagesTarget,
                                                    &kPackedTarget, &kSlabTarget, &kTcpTarget};
constexpr uint64_t kNamedOneIn = 4;

Op draw_op(const TargetInfo& target, Prng& prng) {
  uint64_t total = 0;
  for (const uint32_t weight : target.weights) total += weight;
  uint64_t at = prng.below(total);
  Op op;
  while (at >= target.weights[op.kind]) at -= target.weights[op.kind++];
  const OpInfo& info = target.ops[op.kind];
  for (uint32_t i = 0; i < info.numbers; ++i) {
    op.numbers[i] = static_cast<uint32_t>(prng.below(info.below[i]));
  }
  return op;
}

Scenario draw_scenario(const TargetInfo& target, uint64_t number) {
  Prng prng = Prng::stream(number, 0x68756e74);
  Scenario scenario{.target = std::string(target.name), .cpus = 2, .tasks = {}};
  scenario.cpus = static_cast<uint32_t>(prng.between(1, 3));
  const uint64_t tasks = prng.between(2, 4);
  // The more tasks, the fewer operations each: races need two, and a step or two.
  const uint64_t most = 12 / tasks;
  for (uint64_t t = 0; t < tasks; ++t) {
    ScenarioTask task{.cpu = static_cast<uint32_t>(prng.below(scenario.cpus)), .ops = {}};
    for (uint64_t i = prng.between(1, most); i > 0; --i) task.ops.push_back(draw_op(target, prng));
    scenario.tasks.push_back(std::move(task));
  }
  return scenario;
}

}  // namespace

std::span<const TargetInfo* const> targets() { return kTargets; }

const TargetInfo* find_target(std::string_view name) {
  for (const TargetInfo* target : kTargets) {
    if (target->name == name) return target;
  }
  return name == kCanaryTarget.name ? &kCanaryTarget : nullptr;
}

std::span<const OpInfo> ops_of_target(std::string_view name) {
  const TargetInfo* target = find_target(name);
  return target != nullptr ? target->ops : std::span<const OpInfo>();
}

Scenario make_scenario(const TargetInfo& target, uint64_t number) {
  if (number % kNamedOneIn == 0 && !target.named.empty()) {
    const std::string_view named = target.named[number / kNamedOneIn % target.named.size()];
    const std::string story = fmt::format("target {}\n{}", target.name, named);
    return std::move(parse_story(story, ops_of_target).value().scenario);
  }
  return draw_scenario(target, number);
}

}  // namespace ring3::harness
