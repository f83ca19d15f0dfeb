#include "harness/sim/strategy.h"

#include <algorithm>
#include <array>

namespace ring3::harness {
namespace {

class RandomWalk : public Strategy {
 public:
  explicit RandomWalk(uint64_t seed) : prng_(seed) {}
  size_t choose(std::span<const Candidate> candidates, uint32_t) override {
    return prng_.below(candidates.size());
  }
  std::optional<unsigned> move(unsigned cpus) override {
    if (!prng_.chance(1, kMoveOneIn)) return std::nullopt;
    return static_cast<unsigned>(prng_.below(cpus));
  }

 protected:
  static constexpr uint64_t kMoveOneIn = 32;
  Prng prng_;
};

// The index of the candidate that `rank` puts highest.
template <class Rank>
size_t highest(std::span<const Candidate> candidates, Rank rank) {
  size_t best = 0;
  for (size_t i = 1; i < candidates.size(); ++i) {
    if (rank(candidates[i]) > rank(candidates[best])) best = i;
  }
  return best;
}

class Pct final : public RandomWalk {
 public:
  Pct(uint64_t seed, const StepCounts& expected) : RandomWalk(seed) {
    const uint64_t steps = expected.total() != 0 ? expected.total() : kGuess;
    for (uint64_t& drop : drops_) drop = prng_.below(steps);
  }
  size_t choose(std::span<const Candidate> candidates, uint32_t current) override {
    for (size_t i = 0; i < drops_.size(); ++i) {
      if (drops_[i] == step_) priority(current) = i;  // below all that were drawn
    }
    ++step_;
    return highest(candidates, [this](const Candidate& c) { return priority(c.task); });
  }

 private:
  static constexpr uint64_t kGuess = 64;  // steps of a run that nobody has seen
  uint64_t& priority(uint32_t task) {
    while (priorities_.size() <= task) priorities_.push_back(prng_.next() | uint64_t{1} << 63);
    return priorities_[task];
  }
  std::array<uint64_t, 3> drops_;
  std::vector<uint64_t> priorities_;
  uint64_t step_ = 0;
};

class Pos final : public RandomWalk {
 public:
  using RandomWalk::RandomWalk;
  size_t choose(std::span<const Candidate> candidates, uint32_t) override {
    const size_t chosen =
        highest(candidates, [this](const Candidate& c) { return priority(c.task); });
    for (const Candidate& other : candidates) {
      if (other.task == candidates[chosen].task || conflict(other, candidates[chosen])) {
        priority(other.task) = prng_.next();
      }
    }
    return chosen;
  }

 private:
  uint64_t& priority(uint32_t task) {
    while (priorities_.size() <= task) priorities_.push_back(prng_.next());
    return priorities_[task];
  }
  std::vector<uint64_t> priorities_;
};

class Surw final : public RandomWalk {
 public:
  Surw(uint64_t seed, const StepCounts& expected) : RandomWalk(seed), left_(expected.of_task) {}
  size_t choose(std::span<const Candidate> candidates, uint32_t) override {
    uint64_t total = 0;
    for (const Candidate& c : candidates) total += left(c.task);
    uint64_t at = prng_.below(total);
    size_t chosen = 0;
    for (; at >= left(candidates[chosen].task); ++chosen) at -= left(candidates[chosen].task);
    uint64_t& steps = left(candidates[chosen].task);
    if (steps > 1) --steps;
    return chosen;
  }

 private:
  // At least 1: a task may take more steps than it did before.
  uint64_t& left(uint32_t task) {
    while (left_.size() <= task) left_.push_back(1);
    left_[task] = std::max<uint64_t>(left_[task], 1);
    return left_[task];
  }
  std::vector<uint64_t> left_;
};

class Replay final : public Strategy {
 public:
  explicit Replay(const Schedule& schedule) : schedule_(schedule) {}
  size_t choose(std::span<const Candidate> candidates, uint32_t current) override {
    const uint64_t step = step_++;
    const auto& switches = schedule_.switches;
    while (next_switch_ < switches.size() && switches[next_switch_].step < step) ++next_switch_;
    if (next_switch_ < switches.size() && switches[next_switch_].step == step) {
      for (size_t i = 0; i < candidates.size(); ++i) {
        if (candidates[i].task == switches[next_switch_].task) return i;
      }
    }
    return default_choice(candidates, current);
  }
  // Asked right after choose().
  std::optional<unsigned> move(unsigned cpus) override {
    const auto& moves = schedule_.moves;
    while (next_move_ < moves.size() && moves[next_move_].step + 1 < step_) ++next_move_;
    if (next_move_ == moves.size() || moves[next_move_].step + 1 != step_) return std::nullopt;
    if (moves[next_move_].cpu >= cpus) return std::nullopt;
    return moves[next_move_].cpu;
  }

 private:
  const Schedule& schedule_;
  uint64_t step_ = 0;
  size_t next_switch_ = 0;
  size_t next_move_ = 0;
};

}  // namespace

size_t default_choice(std::span<const Candidate> candidates, uint32_t current) {
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].task >= current) return i;
  }
  return 0;
}

std::unique_ptr<Strategy> make_replay(const Schedule& schedule) {
  return std::make_unique<Replay>(schedule);
}

std::optional<StrategyKind> strategy_of(std::string_view name) {
  for (const StrategyKind kind : kStrategies) {
    if (strategy_name(kind) == name) return kind;
  }
  return std::nullopt;
}

std::unique_ptr<Strategy> make_strategy(StrategyKind kind, uint64_t seed,
                                        const StepCounts& expected) {
  switch (kind) {
    case StrategyKind::kPct:
      return std::make_unique<Pct>(seed, expected);
    case StrategyKind::kPos:
      return std::make_unique<Pos>(seed);
    case StrategyKind::kSurw:
      return std::make_unique<Surw>(seed, expected);
    case StrategyKind::kRandom:
      break;
  }
  return std::make_unique<RandomWalk>(seed);
}

}  // namespace ring3::harness
