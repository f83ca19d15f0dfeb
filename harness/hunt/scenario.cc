#include "harness/hunt/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "lib/lines.h"
#include "lib/numbers.h"

namespace ring3::harness {
namespace {

// The words of a line, without what follows a #.
std::vector<std::string_view> words_of(std::string_view line) {
  line = line.substr(0, line.find('#'));
  std::vector<std::string_view> words;
  for (;;) {
    const size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) return words;
    const size_t end = std::min(line.find_first_of(" \t\r", start), line.size());
    words.push_back(line.substr(start, end - start));
    line.remove_prefix(end);
  }
}

class StoryParser {
 public:
  explicit StoryParser(std::span<const OpInfo> (*ops_of)(std::string_view)) : ops_of_(ops_of) {}

  // False at the end of the story, or with wrong() when a line is.
  bool take(std::string_view line) {
    const auto words = words_of(line);
    if (words.empty()) return true;
    const std::string_view first = words[0];
    if (first == "target") return take_target(words);
    if (story_.scenario.target.empty()) return complain("the story begins with 'target NAME'");
    if (first == "cpus") return take_cpus(words);
    if (first == "task") return take_task(words);
    if (first == "switch") return take_switch(words);
    if (first == "move") return take_move(words);
    return take_op(words);
  }

  Result<Story> finish() && {
    if (wrong_.empty() && story_.scenario.tasks.empty()) complain("there is no task");
    if (!wrong_.empty()) return Error{Errc::kBadFormat, wrong_};
    return std::move(story_);
  }
  const std::string& wrong() const { return wrong_; }

 private:
  using Words = std::vector<std::string_view>;

  bool complain(std::string what) {
    wrong_ = std::move(what);
    return false;
  }

  bool take_target(const Words& words) {
    if (!story_.scenario.target.empty()) return false;
    if (words.size() != 2) return complain("use 'target NAME'");
    ops_ = ops_of_(words[1]);
    if (ops_.empty()) return complain(fmt::format("'{}' is no target", words[1]));
    story_.scenario.target = words[1];
    return true;
  }

  bool take_cpus(const Words& words) {
    const auto cpus = words.size() == 2 ? whole_number<uint32_t>(words[1]) : std::nullopt;
    if (!cpus || *cpus == 0 || *cpus > kMostCpus) {
      return complain(fmt::format("use 'cpus N' with 1 to {}", kMostCpus));
    }
    story_.scenario.cpus = *cpus;
    return true;
  }

  bool take_task(const Words& words) {
    const auto cpu = words.size() == 2 ? whole_number<uint32_t>(words[1]) : std::nullopt;
    if (!cpu || *cpu >= story_.scenario.cpus) {
      return complain(fmt::format("use 'task CPU' with a CPU below {}", story_.scenario.cpus));
    }
    if (story_.scenario.tasks.size() == kMostTasks) {
      return complain(fmt::format("there are more than {} tasks", kMostTasks));
    }
    story_.scenario.tasks.push_back({.cpu = *cpu, .ops = {}});
    return true;
  }

  bool take_op(const Words& words) {
    for (uint32_t kind = 0; kind < ops_.size(); ++kind) {
      const OpInfo& info = ops_[kind];
      if (info.name != words[0]) continue;
      if (story_.scenario.tasks.empty()) return complain("an operation before any 'task CPU'");
      Op op{.kind = kind, .numbers = {}};
      bool right = words.size() == 1 + info.numbers;
      for (uint32_t i = 0; right && i < info.numbers; ++i) {
        const auto number = whole_number<uint32_t>(words[1 + i]);
        right = number && *number < info.below[i];
        op.numbers[i] = number.value_or(0);
      }
      if (!right) return complain(usage(info));
      story_.scenario.tasks.back().ops.push_back(op);
      return true;
    }
    return complain(fmt::format("'{}' is no operation of {}", words[0], story_.scenario.target));
  }

  static std::string usage(const OpInfo& info) {
    std::string text = fmt::format("use '{}", info.name);
    for (uint32_t i = 0; i < info.numbers; ++i) {
      fmt::format_to(std::back_inserter(text), " N{}", i + 1);
    }
    text += "'";
    for (uint32_t i = 0; i < info.numbers; ++i) {
      fmt::format_to(std::back_inserter(text), "{} N{} below {}", i == 0 ? " with" : " and", i + 1,
                     info.below[i]);
    }
    return text;
  }

  bool take_switch(const Words& words) {
    const auto [step, task] = two_numbers(words);
    auto& switches = story_.schedule.switches;
    if (!step || !task || (!switches.empty() && switches.back().step >= *step)) {
      return complain("use 'switch STEP TASK', in the order of the steps");
    }
    switches.push_back({.step = *step, .task = *task});
    return true;
  }

  bool take_move(const Words& words) {
    const auto [step, cpu] = two_numbers(words);
    auto& moves = story_.schedule.moves;
    if (!step || !cpu || (!moves.empty() && moves.back().step >= *step)) {
      return complain("use 'move STEP CPU', in the order of the steps");
    }
    moves.push_back({.step = *step, .cpu = *cpu});
    return true;
  }

  struct TwoNumbers {
    std::optional<uint64_t> step;
    std::optional<uint32_t> other;
  };
  static TwoNumbers two_numbers(const Words& words) {
    if (words.size() != 3) return {};
    return {whole_number<uint64_t>(words[1]), whole_number<uint32_t>(words[2])};
  }

  std::span<const OpInfo> (*const ops_of_)(std::string_view);
  std::span<const OpInfo> ops_;
  Story story_;
  std::string wrong_;
};

}  // namespace

size_t Scenario::op_count() const {
  size_t count = 0;
  for (const ScenarioTask& task : tasks) count += task.ops.size();
  return count;
}

std::string to_text(const Scenario& scenario, std::span<const OpInfo> ops) {
  std::string text = fmt::format("target {}\ncpus {}\n", scenario.target, scenario.cpus);
  for (const ScenarioTask& task : scenario.tasks) {
    fmt::format_to(std::back_inserter(text), "task {}\n", task.cpu);
    for (const Op& op : task.ops) {
      const OpInfo& info = ops[op.kind];
      fmt::format_to(std::back_inserter(text), "  {}", info.name);
      for (uint32_t i = 0; i < info.numbers; ++i) {
        fmt::format_to(std::back_inserter(text), " {}", op.numbers[i]);
      }
      text += '\n';
    }
  }
  return text;
}

std::string to_text(const Schedule& schedule) {
  std::string text;
  for (const Schedule::Switch& s : schedule.switches) {
    fmt::format_to(std::back_inserter(text), "switch {} {}\n", s.step, s.task);
  }
  for (const Schedule::Move& m : schedule.moves) {
    fmt::format_to(std::back_inserter(text), "move {} {}\n", m.step, m.cpu);
  }
  return text;
}

Result<Story> parse_story(std::string_view text,
                          std::span<const OpInfo> (*ops_of)(std::string_view target)) {
  StoryParser parser(ops_of);
  size_t number = 0;
  while (!text.empty()) {
    ++number;
    if (!parser.take(take_line(text))) {
      if (parser.wrong().empty()) break;
      return Error{Errc::kBadFormat, fmt::format("line {}: {}", number, parser.wrong())};
    }
  }
  return std::move(parser).finish();
}

}  // namespace ring3::harness
