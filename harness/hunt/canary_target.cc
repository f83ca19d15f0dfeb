// A planted race, to see that one is found: things that are taken by a look and a store.

#include <array>

#include "harness/hunt/all_targets.h"
#include "harness/hunt/ownership.h"
#include "lib/cpu/atomic.h"

namespace ring3::harness {
namespace {

constexpr uint32_t kThings = 2;

enum Kind : uint32_t { kTake, kLook };
constexpr OpInfo kOps[] = {{"take", 1, {kThings}}, {"look", 1, {kThings}}};
constexpr uint32_t kWeights[] = {1, 3};

class CanaryTarget final : public Target {
 public:
  void run(World& world, uint32_t, const Op& op) override {
    const uint32_t thing = op.numbers[0];
    Atomic<bool>& taken = taken_[thing];
    if (taken.load(std::memory_order_acquire) || op.kind == kLook) return;
    // The planted race.
    taken.store(true, std::memory_order_relaxed);
    owners_.got(world, thing, 1);
    world.yield();
    owners_.gives(world, thing, 1);
    taken.store(false, std::memory_order_release);
  }
  void finish(World&) override {}

 private:
  std::array<Atomic<bool>, kThings> taken_;
  Ownership owners_;
};

}  // namespace

constinit const TargetInfo kCanaryTarget{
    .name = "canary",
    .about = "a planted race, to see that it is found",
    .ops = kOps,
    .weights = kWeights,
    .named = {},
    .make = [](World&, const Scenario&) -> std::unique_ptr<Target> {
      return std::make_unique<CanaryTarget>();
    }};

}  // namespace ring3::harness
