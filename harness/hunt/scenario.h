#pragma once

// A small program for several tasks, and the text that it and a schedule of it are written as:
//
//   target pages
//   cpus 2
//   task 0            the task begins on CPU 0
//     alloc 1 0       an operation of the target, and its numbers
//     free 1
//   task 1
//     drain
//   switch 12 1       at step 12 task 1 goes on instead
//   move 30 0         before step 30 the task that takes it moves to CPU 0
//
// A line that begins with # says something to people.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/sim/strategy.h"
#include "lib/result.h"

namespace ring3::harness {

// An operation by its index in the target's table.
struct Op {
  uint32_t kind = 0;
  std::array<uint32_t, 2> numbers{};
  bool operator==(const Op&) const = default;
};

struct OpInfo {
  std::string_view name;
  uint32_t numbers;               // how many of Op::numbers it has
  std::array<uint32_t, 2> below;  // what each of them is below
};

struct ScenarioTask {
  uint32_t cpu = 0;
  std::vector<Op> ops;
  bool operator==(const ScenarioTask&) const = default;
};

struct Scenario {
  std::string target;
  uint32_t cpus = 2;
  std::vector<ScenarioTask> tasks;
  size_t op_count() const;
  bool operator==(const Scenario&) const = default;
};

inline constexpr uint32_t kMostCpus = 64;
inline constexpr size_t kMostTasks = 64;

// The lines of a scenario and of a schedule; `ops` is the target's table.
std::string to_text(const Scenario& scenario, std::span<const OpInfo> ops);
std::string to_text(const Schedule& schedule);

struct Story {
  Scenario scenario;
  Schedule schedule;
};
// Reads both back, up to the end or a second "target" line. `ops_of` gives the table of a target,
// empty for one that is none. kBadFormat names the line and what is wrong with it.
Result<Story> parse_story(std::string_view text,
                          std::span<const OpInfo> (*ops_of)(std::string_view target));

}  // namespace ring3::harness
