#include "harness/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "harness/base/spelling.h"
#include "harness/stress_arguments.h"
#include "harness/tool_arguments.h"
#include "lib/report_sink.h"

namespace ring3::harness {
namespace {

// The first argument that nobody knows, and what it was probably meant to be; empty when all are
// known, or are values.
std::string name_unknown(CLI::App& program, int argc, char** argv) {
  const CLI::App* app = &program;
  const auto suggest = [](std::string_view what, std::string_view word,
                          const std::vector<std::string>& known) {
    const std::string_view near = nearest_word(word, known);
    return fmt::format("unknown {} {}{}", what, word,
                       near.empty() ? std::string() : fmt::format("; did you mean {}?", near));
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with('-')) {
      std::vector<std::string> names;
      for (const CLI::App* sub : app->get_subcommands({})) names.push_back(sub->get_name());
      if (names.empty()) continue;
      if (std::find(names.begin(), names.end(), argument) == names.end()) {
        return suggest("command", argument, names);
      }
      app = app->get_subcommand(std::string(argument));
      continue;
    }
    const std::string name(argument.substr(0, argument.find('=')));
    if (argument.size() == 1 || app->get_option_no_throw(name) != nullptr) continue;
    std::vector<std::string> names;
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& known : option->get_lnames()) names.push_back("--" + known);
    }
    return suggest("option", name, names);
  }
  return {};
}

// CLI11's words, but for what it says in its own terms.
std::string describe(const CLI::ParseError& wrong, CLI::App& program, int argc, char** argv) {
  // A word that is no command leaves the command that is required missing.
  if (dynamic_cast<const CLI::ExtrasError*>(&wrong) != nullptr ||
      dynamic_cast<const CLI::RequiredError*>(&wrong) != nullptr) {
    const std::string unknown = name_unknown(program, argc, argv);
    if (!unknown.empty()) return unknown;
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&wrong) != nullptr) {
    const std::string what = wrong.what();
    return what.substr(0, what.find(':')) + " needs a value";
  }
  return wrong.what();
}

}  // namespace

Command parse_command_line(int argc, char** argv) {
  CLI::App program{
      "ring3: the Linux kernel's memory-subsystem design in user space, under stress.\n"
      "Exit status: 0 clean, 1 verification failed, 2 usage, 3 no resource (memory, threads, a "
      "full\n"
      "disk), 4 skipped, 6 a worker hung; a crash ends with its signal.",
      "ring3"};
  program.set_version_flag("--version", "ring3 0.1 " RING3_BUILD);
  StressArguments stress;
  ReplayOptions replay;
  HeapOptions heap;
  HuntOptions hunt;
  SimArguments sim;
  CampaignOptions campaign;
  PagesArguments pages;
  add_stress(program, stress);
  add_replay(program, replay);
  add_heap(program, heap);
  add_sim(program, sim);
  add_hunt(program, hunt);
  add_campaign(program, campaign);
  add_pages(program, pages);
  try {
    program.parse(argc, argv);
    if (program.get_subcommands().empty())
      throw CLI::RequiredError("a subcommand, stress, replay, heap, pages, sim, hunt or campaign,");
    if (program.got_subcommand("replay")) return resolve(replay);
    if (program.got_subcommand("heap")) return resolve(heap);
    if (program.got_subcommand("sim")) return resolve(sim);
    if (program.got_subcommand("hunt")) return hunt;
    if (program.got_subcommand("campaign")) return campaign;
    if (program.got_subcommand("pages")) {
      if (program.get_subcommand("pages")->got_subcommand("check")) return pages.check;
      return pages.zoneinfo;
    }
    return resolve(stress);
  } catch (const CLI::Success& help) {
    program.exit(help);
    return ExitCode::kClean;
  } catch (const CLI::ParseError& wrong) {
    const CLI::App* app =
        program.get_subcommands().empty() ? nullptr : program.get_subcommands()[0];
    stderr_report_sink().report(
        fmt::format("ring3: {}\nring3: see {}{} --help\n", describe(wrong, program, argc, argv),
                    program.get_name(), app == nullptr ? "" : " " + app->get_name()));
    return ExitCode::kUsage;
  }
}

}  // namespace ring3::harness