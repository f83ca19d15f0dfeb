#include "harness/sim_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "harness/sim/strategy_names.h"
#include "lib/prng.h"

namespace ring3::harness {
namespace {

constexpr uint64_t kStream = 0x73696d;  // apart from the workers'

}  // namespace

SimOptions fill_from_seed(const SimOptions& asked) {
  SimOptions options = asked;
  Prng prng = Prng::stream(asked.stress.seed, kStream);
  // All of it is drawn, whatever is given, so that giving one thing leaves the others as they were.
  std::array<uint32_t, kWorkloads> workers;
  for (uint32_t& count : workers) count = static_cast<uint32_t>(prng.below(4));
  if (std::ranges::max(workers) == 0) workers[0] = 2;
  const auto cpus = static_cast<uint32_t>(prng.between(1, 8));
  const auto nodes = static_cast<uint32_t>(prng.between(1, 4));
  const std::string_view strategy = kStrategyNames[prng.below(kStrategyNames.size())];
  const uint64_t ops = prng.between(50, 1000);

  auto& stress = options.stress;
  if (stress.worker_count() == 0) {
    if (stress.canary == Canary::kWriteAfterFree)
      workers[static_cast<size_t>(WorkloadKind::kSlab)] |= 1;
    if (stress.canary == Canary::kAbba) workers[static_cast<size_t>(WorkloadKind::kLock)] |= 1;
    stress.workers = workers;
  }
  if (options.cpus == 0) options.cpus = std::max(cpus, options.nodes);
  if (options.nodes == 0) options.nodes = std::min(nodes, options.cpus);
  if (options.strategy.empty()) options.strategy = strategy;
  if (!stress.ops) stress.ops = ops;
  return options;
}

std::string command_to_repeat(std::string_view program, const SimOptions& options) {
  return fmt::format("{} sim{} --cpus {} --nodes {} --strategy {}", shell_word(program),
                     to_sim_arguments(options.stress), options.cpus, options.nodes,
                     options.strategy);
}

}  // namespace ring3::harness
