#pragma once

#include <cstdint>
#include <string>

#include "harness/stress/stress_options.h"

namespace ring3::harness {

// What `ring3 sim` is asked to do: the workloads of `ring3 stress`, on a machine that is simulated.
struct SimOptions {
  StressOptions stress;  // its seed decides everything; it is counted in operations, never timed
  uint32_t cpus = 0;
  uint32_t nodes = 0;
  std::string strategy;
  std::string trace_path;  // for the schedule as text; empty: none
};

// What was asked for, and the rest from the seed: workers, CPUs, nodes, strategy, operations. Swarm
// testing: Groce et al., ISSTA 2012.
SimOptions fill_from_seed(const SimOptions& asked);

// The command line that gives the same run.
std::string command_to_repeat(std::string_view program, const SimOptions& options);

}  // namespace ring3::harness
