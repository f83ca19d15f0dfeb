#include "harness/stress/stress_options.h"

#include <fmt/format.h>

#include "harness/parse_values.h"

namespace ring3::harness {
namespace {

std::string fault_text(const FaultAttributes& fault) {
  return fmt::format("{},{},{},{}", fault.interval, fault.probability, fault.space, fault.times);
}

// `text` as one word of a shell's command line.
std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:=@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(text);
  }
  std::string word = "'";
  for (const char c : text) c == '\'' ? word += "'\\''" : word += c;
  return word + "'";
}

}  // namespace

std::string command_to_repeat(std::string_view program, std::string_view name,
                              const StressOptions& options) {
  std::string command = fmt::format("{} {}", shell_word(program), name);
  const auto add = [&command](std::string_view option, const auto&... value) {
    command += fmt::format(" {}", option);
    ((command += fmt::format(" {}", value)), ...);
  };
  for (const WorkloadInfo& info : kWorkloadInfos) {
    const uint32_t workers = options.workers_of(info.kind);
    if (workers != 0) add(fmt::format("--{}", info.name), workers);
  }
  if (options.ops) {
    add("--ops", *options.ops);
  } else {
    add("-t", format_duration(options.duration));
  }
  add("--memory", format_size(options.memory_bytes));
  add("--seed", options.seed);
  if (options.verify) add("--verify");
  if (options.metrics) add("--metrics");
  if (options.sequential) add("--sequential");
  if (options.canary == Canary::kWriteAfterFree) add("--canary", "write-after-free");
  if (options.canary == Canary::kAbba) add("--canary", "abba");
  if (options.failslab) add("--failslab", fault_text(*options.failslab));
  if (options.fail_page_alloc) add("--fail-page-alloc", fault_text(*options.fail_page_alloc));
  return command;
}

}  // namespace ring3::harness
