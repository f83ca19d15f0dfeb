#pragma once

// Who decides what a simulation does next: which task runs, whether it moves to another CPU. A
// strategy that draws from a seed explores; one that reads a list replays.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/sim/strategy_names.h"
#include "lib/cpu/schedule.h"
#include "lib/prng.h"
#include "lib/result.h"

namespace ring3::harness {

// A task that can run, and what it does when it does.
struct Candidate {
  uint32_t task;
  schedule::Access access;
  const void* address;  // null: nothing that others see
};

// Two accesses that do not commute.
inline bool conflict(const Candidate& a, const Candidate& b) {
  return a.address != nullptr && a.address == b.address &&
         (a.access != schedule::Access::kLoad || b.access != schedule::Access::kLoad);
}

class Strategy {
 public:
  virtual ~Strategy() = default;

  // The index in `candidates`, by task and never empty, of the one that takes the next step.
  // `current` is the task that took the last one, which may not be among them.
  virtual size_t choose(std::span<const Candidate> candidates, uint32_t current) = 0;
  // The CPU below `cpus` that the task which takes the next step moves to before it; nothing: it
  // stays.
  virtual std::optional<unsigned> move(unsigned cpus) = 0;
};

// What a run does where nothing else is said: the task that runs goes on, and where it cannot the
// next one does. The index in `candidates`.
size_t default_choice(std::span<const Candidate> candidates, uint32_t current);

// A run as what it does otherwise: steps, counted from 0, at which another task is chosen, and
// those before which it moves. Replaying it gives the same run; so does, where it still makes
// sense, what is left when entries are taken out, so that it can be made shorter.
struct Schedule {
  struct Switch {
    uint64_t step;
    uint32_t task;
    bool operator==(const Switch&) const = default;
  };
  struct Move {
    uint64_t step;
    uint32_t cpu;
    bool operator==(const Move&) const = default;
  };
  std::vector<Switch> switches;  // by step
  std::vector<Move> moves;
  bool operator==(const Schedule&) const = default;
};

// Outlived by `schedule`.
std::unique_ptr<Strategy> make_replay(const Schedule& schedule);

enum class StrategyKind {
  kRandom,  // a random walk: every candidate as likely as the next
  kPct,     // priorities, and a few points at which the running one's drops
  kPos,     // a new priority for whatever raced with what was done
  kSurw,    // by what each task has left to do: all interleavings nearly equally likely
};
inline constexpr StrategyKind kStrategies[] = {StrategyKind::kRandom, StrategyKind::kPct,
                                               StrategyKind::kPos, StrategyKind::kSurw};
inline std::string_view strategy_name(StrategyKind kind) {
  return kStrategyNames[static_cast<size_t>(kind)];
}
// The inverse; nothing for another name.
std::optional<StrategyKind> strategy_of(std::string_view name);

// What earlier runs of the same scenario have shown: how many steps each task takes. Empty at
// first.
struct StepCounts {
  std::vector<uint64_t> of_task;
  uint64_t total() const {
    uint64_t sum = 0;
    for (const uint64_t steps : of_task) sum += steps;
    return sum;
  }
};

// PCT: Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs",
// ASPLOS 2010, with three changes of priority. POS: Yuan et al., "Partial Order Aware Concurrency
// Sampling", CAV 2018. SURW: "Selectively Uniform Concurrency Testing", ASPLOS 2025, over all
// steps.
std::unique_ptr<Strategy> make_strategy(StrategyKind kind, uint64_t seed,
                                        const StepCounts& expected);

}  // namespace ring3::harness
