#pragma once

// The options of `ring3 stress`, and of `ring3 sim`, which runs the same workloads.

#include <CLI/CLI.hpp>
#include <array>
#include <optional>
#include <string>

#include "harness/sim_options.h"
#include "harness/stress/stress_options.h"

namespace ring3::harness {

// What was given, of which resolve() makes what it comes to.
struct StressArguments {
  StressOptions options;
  std::array<std::optional<uint32_t>, kWorkloads> workers;
  std::optional<uint32_t> all;
  std::string group;
  uint32_t threads = 0;
};

struct SimArguments {
  StressArguments stress;
  SimOptions sim;
};

void add_stress(CLI::App& program, StressArguments& args);
void add_sim(CLI::App& program, SimArguments& args);

// Both throw CLI::ValidationError for what cannot be together.
StressOptions resolve(const StressArguments& args);
SimOptions resolve(const SimArguments& args);

}  // namespace ring3::harness
