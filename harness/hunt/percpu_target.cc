// Per-CPU stacks: tokens that are pushed, popped, evicted and drained, on CPUs that go and come.
// None is ever lost or in two hands.

#include <algorithm>

#include "harness/hunt/all_targets.h"
#include "harness/hunt/cpu_interrupts.h"
#include "harness/hunt/ownership.h"
#include "lib/cpu/percpu_stack.h"

namespace ring3::harness {
namespace {

enum Kind : uint32_t { kPush, kPop, kEvict, kDrain, kReplug, kIrq, kFill };
constexpr OpInfo kOps[] = {{"push", 0, {}},   {"pop", 0, {}},     {"evict", 1, {3}},
                           {"drain", 1, {3}}, {"replug", 1, {3}}, {"irq", 1, {3}},
                           {"fill", 0, {}}};
constexpr uint32_t kWeights[] = {6, 6, 2, 2, 1, 1, 2};

constexpr std::string_view kNamed[] = {
    // Drain against pop and push.
    "cpus 2\ntask 0\npush\npop\npush\ntask 1\ndrain 0\n",
    // Two tasks of one CPU, preempted in the middle of a sequence.
    "cpus 1\ntask 0\npush\npop\npush\ntask 0\npush\npop\npop\n",
    // A task that moves in the middle of a sequence.
    "cpus 2\ntask 0\npush\npush\npop\npop\ntask 1\npush\npop\n",
    // The CPU goes while it is used.
    "cpus 2\ntask 0\npush\npush\npop\ntask 1\nreplug 0\npop\n",
    // An interrupt in the middle of a sequence, which pops and pushes.
    "cpus 1\ntask 0\npush\nirq 0\npush\npop\ntask 0\nirq 0\npop\n",
    // An eviction by the owner against a drain by another.
    "cpus 2\ntask 0\npush\npush\nevict 1\npop\ntask 1\ndrain 0\n",
    // A cell that a drain has shut is woken and filled while another drain comes.
    "cpus 2\ntask 0\npush\ndrain 0\npush\nfill\npop\ntask 1\ndrain 0\ndrain 0\n",
};

constexpr uint32_t kTokensEach = 3;
constexpr uint32_t kCapacity = 3;

class PercpuTarget final : public Target {
 public:
  PercpuTarget(World& world, const Scenario& scenario)
      : topology_(std::move(Topology::simulated(scenario.cpus, 1).value())),
        stack_(std::move(PerCpuStack<uint32_t>::create(kCapacity, topology_).value())),
        hands_(scenario.tasks.size() + 1),
        irqs_(world, scenario.cpus, [&] { pop_and_push(world); }) {
    for (uint32_t task = 0; task < scenario.tasks.size(); ++task) {
      for (uint32_t i = 0; i < kTokensEach; ++i) {
        hands_[task].push_back(task * kTokensEach + i);
        owners_.keeps(task * kTokensEach + i, 1);
      }
    }
  }

  void run(World& world, uint32_t task, const Op& op) override {
    std::vector<uint32_t>& hand = hands_[task];
    const auto take_all = [&](std::span<uint32_t> tokens) {
      for (const uint32_t token : tokens) take(world, hand, token);
    };
    const uint32_t cpu = op.numbers[0] % topology_.cpu_ids();
    switch (op.kind) {
      case kPush:
        if (!hand.empty()) push(world, hand);
        break;
      case kPop:
        pop(world, hand);
        break;
      case kEvict:
        stack_.evict(op.numbers[0] + 1, take_all);
        break;
      case kDrain:
      case kReplug:  // what Memory::cpu_dead and cpu_online do
        stack_.drain(cpu, take_all);
        if (op.kind == kReplug) stack_.bring_up(cpu);
        break;
      case kIrq:
        irqs_.raise(cpu);
        break;
      case kFill:
        fill(world, hand);
        break;
    }
  }

  void finish(World& world) override {
    std::vector<uint32_t>& rest = hands_.back();
    for (unsigned cpu = 0; cpu < topology_.cpu_ids(); ++cpu) {
      stack_.drain(cpu, [&](std::span<uint32_t> tokens) {
        for (const uint32_t token : tokens) take(world, rest, token);
      });
    }
    size_t tokens = 0;
    for (const auto& hand : hands_) tokens += hand.size();
    if (tokens != (hands_.size() - 1) * kTokensEach) world.fail("a token is lost");
    if (stack_.counts().pops != pops_) world.fail("pops are counted wrongly");
    if (stack_.counts().pushes() != pushes_) world.fail("pushes are counted wrongly");
  }

 private:
  // What it cannot push is left at the end.
  void pop_and_push(World& world) {
    std::vector<uint32_t> hand;
    pop(world, hand);
    if (!hand.empty()) push(world, hand);
    hands_.back().insert(hands_.back().end(), hand.begin(), hand.end());
  }
  void pop(World& world, std::vector<uint32_t>& hand) {
    uint32_t token;
    if (!stack_.pop(token)) return;
    ++pops_;
    take(world, hand, token);
  }
  void push(World& world, std::vector<uint32_t>& hand) {
    const uint32_t token = hand.back();
    // Whoever pops it may be first to go on.
    hand.pop_back();
    owners_.gives(world, token, 1);
    ++pushes_;
    if (stack_.push(token)) return;
    if (stack_.is_shut()) stack_.wake();
    --pushes_;
    owners_.keeps(token, 1);
    hand.push_back(token);
  }
  // With all that it holds, of which some may not fit.
  void fill(World& world, std::vector<uint32_t>& hand) {
    const std::vector<uint32_t> tokens = std::exchange(hand, {});
    for (const uint32_t token : tokens) owners_.gives(world, token, 1);
    const uint32_t filled = stack_.fill(tokens);
    pushes_ += filled;
    for (size_t i = 0; i + filled < tokens.size(); ++i) {
      owners_.keeps(tokens[i], 1);
      hand.push_back(tokens[i]);
    }
  }
  void take(World& world, std::vector<uint32_t>& hand, uint32_t token) {
    if (token >= (hands_.size() - 1) * kTokensEach) world.fail("an entry that nobody pushed");
    owners_.got(world, token, 1);
    hand.push_back(token);
  }

  const Topology topology_;
  PerCpuStack<uint32_t> stack_;
  std::vector<std::vector<uint32_t>> hands_;  // of each task, and what is left at the end
  CpuInterrupts irqs_;
  Ownership owners_;
  uint64_t pushes_ = 0;
  uint64_t pops_ = 0;
};

}  // namespace

constinit const TargetInfo kPercpuTarget{
    .name = "percpu",
    .about = "per-CPU stacks: sequences, drains, evictions, CPUs that go and come",
    .ops = kOps,
    .weights = kWeights,
    .named = kNamed,
    .make = [](World& world, const Scenario& scenario) -> std::unique_ptr<Target> {
      return std::make_unique<PercpuTarget>(world, scenario);
    }};

}  // namespace ring3::harness
