#include "harness/stress/stress_options.h"

#include <fmt/format.h>

#include "harness/base/parse_values.h"

namespace ring3::harness {
namespace {

void add(std::string& text, std::string_view option) { text += fmt::format(" {}", option); }
void add(std::string& text, std::string_view option, const auto& value) {
  text += fmt::format(" {} {}", option, value);
}

std::string workers_text(const StressOptions& options) {
  std::string text;
  for (const WorkloadInfo& info : kWorkloadInfos) {
    const uint32_t workers = options.workers_of(info.kind);
    if (workers != 0) add(text, fmt::format("--{}", info.name), workers);
  }
  return text;
}

std::string conditions_text(const StressOptions& options) {
  std::string text;
  add(text, "--memory", format_size(options.memory_bytes));
  if (options.zones != StressOptions{}.zones) add(text, "--zones", zone_set_name(options.zones));
  if (options.nodes != 0) add(text, "--nodes", options.nodes);
  for (const mm::MemRange& range : options.reserved) {
    add(text, "--memmap", shell_word(format_size(range.size()) + "$" + format_size(range.start)));
  }
  if (options.policy != StressOptions{}.policy) {
    add(text, "--policy", options.policy->name);
  }
  for (const std::string& setting : mm::changed_vm_settings(options.vm)) {
    add(text, "--sysctl", setting);
  }
  if (options.page_owner) add(text, "--page-owner");
  if (options.filling.init_on_alloc) add(text, "--init-on-alloc");
  if (options.filling.init_on_free) add(text, "--init-on-free");
  if (options.filling.page_poison) add(text, "--page-poison");
  add(text, "--seed", options.seed);
  if (options.verify) add(text, "--verify");
  if (options.canary == Canary::kWriteAfterFree) add(text, "--canary", "write-after-free");
  if (options.canary == Canary::kAbba) add(text, "--canary", "abba");
  if (options.failslab) add(text, "--failslab", to_string(*options.failslab));
  if (options.fail_page_alloc) add(text, "--fail-page-alloc", to_string(*options.fail_page_alloc));
  return text;
}

}  // namespace

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

std::string to_sim_arguments(const StressOptions& options) {
  std::string text = workers_text(options);
  if (options.ops) add(text, "--ops", *options.ops);
  return text + conditions_text(options);
}

std::string command_to_repeat(std::string_view program, const StressOptions& options) {
  std::string text = shell_word(program) + " stress" + workers_text(options);
  if (options.ops) {
    add(text, "--ops", *options.ops);
  } else {
    add(text, "-t", format_duration(options.duration));
  }
  text += conditions_text(options);
  if (options.metrics) add(text, "--metrics");
  if (options.sequential) add(text, "--sequential");
  return text;
}

std::string what_repeats(const StressOptions& options) {
  const bool one = options.worker_count() == 1;
  return fmt::format(
      "# The seed repeats what {} for; {}{} the host decides. A run that repeats exactly:\n"
      "#   make MODE=sim && build/sim/ring3 sim{}\n",
      one ? "the worker asks" : "each worker asks", options.ops ? "" : "how far it comes, and ",
      one ? "on which CPUs," : "who meets whom,", to_sim_arguments(options));
}

}  // namespace ring3::harness
