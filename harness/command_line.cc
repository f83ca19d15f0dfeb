#include "harness/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <random>

#include "harness/base/parse_values.h"
#include "harness/base/spelling.h"
#include "harness/sim/strategy_names.h"
#include "lib/bits.h"
#include "lib/report_sink.h"
#include "mm/mm.h"

namespace ring3::harness {
namespace {

constexpr uint32_t kMaxWorkers = 256;
constexpr uint64_t kMaxOps = 1'000'000'000'000;  // a day of the fastest workload

// An option whose text one of our parsers reads.
template <class Value, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, Value& target, Parse parse,
                        const std::string& about) {
  const auto read = [&target, parse, name](const CLI::results_t& texts) {
    auto value = parse(texts.back());
    if (!value) throw CLI::ValidationError(name, value.error().message);
    target = *value;
    return true;
  };
  return app.add_option(name, read, about);
}

// A parser of numbers from `least` to `most`.
template <class Count>
auto count_between(Count least, Count most) {
  return [=](std::string_view text) -> Result<Count> {
    const Result<uint64_t> count = parse_count(text, least, most);
    if (!count) return count.error();
    return static_cast<Count>(*count);
  };
}

Result<std::string> parse_output_path(std::string_view text) {
  if (!text.empty()) return std::string(text);
  return Error{Errc::kInvalidArgument, "needs the name of a file, or - for standard output"};
}

// A size from `least` to `most`, of what `what` begins to say, as in "memory of".
Result<uint64_t> parse_size_between(std::string_view text, uint64_t least, uint64_t most,
                                    std::string_view what) {
  Result<uint64_t> size = parse_size(text);
  if (size && (*size < least || *size > most)) {
    return Error{Errc::kInvalidArgument, fmt::format("{} {} is not possible; use {} to {}", what,
                                                     text, format_size(least), format_size(most))};
  }
  return size;
}

Result<uint64_t> parse_memory(std::string_view text) {
  Result<uint64_t> size =
      parse_size_between(text, mm::kArenaGranule, mm::kMaxArenaBytes, "memory of");
  if (!size) return size;
  // An arena is made of blocks of the highest order; less than one more is rounded up.
  return align_up<uint64_t>(*size, mm::kArenaGranule);
}

// A parser of an enum's values by their names, which are in its order.
template <class Enum, size_t n>
auto one_of(const std::array<std::string_view, n>& names, std::string_view what) {
  return [&names, what](std::string_view text) -> Result<Enum> {
    const auto* name = std::ranges::find(names, text);
    if (name != names.end()) return static_cast<Enum>(name - names.begin());
    return Error{Errc::kInvalidArgument,
                 fmt::format("'{}' is no {}; use {}", text, what, fmt::join(names, " or "))};
  };
}

Result<const mm::PagePolicy*> parse_page_policy(std::string_view text) {
  if (const mm::PagePolicy* policy = mm::page_policy_named(text)) return policy;
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no policy; use kernel or packed", text)};
}

// Of several, with commas between, each once.
Result<std::vector<const mm::PagePolicy*>> parse_page_policies(std::string_view text) {
  std::vector<const mm::PagePolicy*> policies;
  for (;;) {
    const size_t comma = text.find(',');
    const auto policy = parse_page_policy(text.substr(0, comma));
    if (!policy) return policy.error();
    if (std::ranges::find(policies, *policy) != policies.end()) {
      return Error{Errc::kInvalidArgument,
                   fmt::format("policy {} is named twice; once is enough", (*policy)->name)};
    }
    policies.push_back(*policy);
    if (comma == std::string_view::npos) return policies;
    text.remove_prefix(comma + 1);
  }
}

Result<unsigned> parse_fill(std::string_view text) {
  constexpr unsigned kMost = 99;
  const std::string_view digits = text.ends_with('%') ? text.substr(0, text.size() - 1) : text;
  const Result<uint64_t> percent = parse_count(digits, 0, kMost);
  if (percent) return static_cast<unsigned>(*percent);
  return Error{Errc::kInvalidArgument,
               fmt::format("memory cannot be {} full before; use 0% to {}%", text, kMost)};
}

Result<Canary> parse_canary(std::string_view text) {
  if (text == "write-after-free") return Canary::kWriteAfterFree;
  if (text == "abba") return Canary::kAbba;
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no canary; use write-after-free or abba", text)};
}

Result<std::string> parse_strategy(std::string_view text) {
  for (const std::string_view name : kStrategyNames) {
    if (text == name) return std::string(text);
  }
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no strategy; use random, pct, pos or surw", text)};
}

Result<std::string> parse_class(std::string_view text) {
  for (const WorkloadInfo& info : kWorkloadInfos) {
    if (info.group == text) return std::string(text);
  }
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no class of workloads; use mm, net or lock", text)};
}

void add_json(CLI::App& app, std::string& path) {
  add_parsed(app, "--json", path, parse_output_path,
             "write the report as JSON; - is standard output")
      ->option_text("FILE");
}

void add_sysctl(CLI::App& app, mm::VmSettings& vm) {
  app.add_option(
         "--sysctl",
         [&vm](const CLI::results_t& texts) {
           for (const std::string& text : texts) {
             if (const Status set = mm::set_vm(vm, text); !set) {
               throw CLI::ValidationError("--sysctl", set.error().message);
             }
           }
           return true;
         },
         "set vm.min_free_kbytes, vm.watermark_scale_factor, vm.lowmem_reserve_ratio or "
         "vm.percpu_pagelist_high_fraction")
      ->option_text("vm.NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

// ---- ring3 stress ----

struct StressArguments {
  StressOptions options;
  std::array<std::optional<uint32_t>, kWorkloads> workers;
  std::optional<uint32_t> all;
  std::string group;
  uint32_t threads = 0;
};

void add_what_runs(CLI::App& app, StressArguments& args) {
  const auto workers = count_between(0u, kMaxWorkers);
  for (size_t i = 0; i < kWorkloads; ++i) {
    const WorkloadInfo& info = kWorkloadInfos[i];
    add_parsed(app, fmt::format("--{}", info.name), args.workers[i], workers,
               fmt::format("N workers that {}", info.about))
        ->option_text("N");
  }
  add_parsed(app, "--all", args.all, workers,
             "N workers of every workload not given a number of its own")
      ->option_text("N");
  add_parsed(app, "--class", args.group, parse_class,
             "the workloads of a class: mm (pages, slab, kmalloc, heap), net or lock")
      ->option_text("mm|net|lock");
  add_parsed(app, "--threads", args.threads, count_between(1u, kMaxWorkers),
             "workers of each workload of --class (default: the CPUs)")
      ->option_text("N");
}

void add_how_long(CLI::App& app, StressOptions& options) {
  auto* time = add_parsed(app, "-t,--timeout", options.duration, parse_duration,
                          "run for a time: 500ms, 1.5s, 30s (the default), 5m, 2h, 1d");
  time->option_text("TIME");
  add_parsed(app, "--ops", options.ops, count_between(uint64_t{1}, kMaxOps),
             "run until each worker has done N operations")
      ->option_text("N")
      ->excludes(time);
}

void add_conditions(CLI::App& app, StressOptions& options) {
  add_parsed(app, "--memory", options.memory_bytes, parse_memory,
             "size of the arena that all share (default 256M)")
      ->option_text("SIZE");
  add_parsed(app, "--seed", options.seed, parse_seed,
             "what all randomness comes from: decimal, 0x or a git hash (default: a new one)")
      ->option_text("SEED");
  add_parsed(app, "--policy", options.policy, parse_page_policy,
             "which free pages are given: kernel, as Linux does, or packed (the default)")
      ->option_text("kernel|packed");
  add_sysctl(app, options.vm);
  app.add_flag("--page-owner", options.page_owner,
               "record who allocated and freed each block last, with both stacks, for reports and "
               "page_owner of --proc-snapshot (the default under ASan)");
  app.add_flag("--init-on-alloc", options.filling.init_on_alloc, "zero pages that are handed out");
  app.add_flag("--init-on-free", options.filling.init_on_free, "zero pages that are given back");
  app.add_flag("--page-poison", options.filling.page_poison,
               "fill free pages with a pattern, and look at it when they are handed out");
  app.add_flag("--verify", options.verify, "check every byte of every object, not only its ends");
  add_parsed(app, "--failslab", options.failslab, parse_fault_attributes,
             "fail object allocations: interval,probability,space,times")
      ->option_text("I,P,S,T");
  add_parsed(app, "--fail-page-alloc", options.fail_page_alloc, parse_fault_attributes,
             "fail page allocations, likewise")
      ->option_text("I,P,S,T");
  add_parsed(app, "--canary", options.canary, parse_canary, "plant a bug, to see that it is found")
      ->option_text("write-after-free|abba");
}

void add_output(CLI::App& app, StressOptions& options) {
  app.add_flag("--metrics", options.metrics,
               "print tracepoint counts, memory, CPU time and lockdep's figures");
  app.add_flag("--progress", options.progress,
               "a line a second on standard error (default on a terminal)");
  add_json(app, options.json_path);
  add_parsed(app, "--yaml", options.yaml_path, parse_output_path,
             "write the report as YAML; - is standard output")
      ->option_text("FILE");
  add_parsed(
      app, "--proc-snapshot", options.proc_snapshot, parse_output_path,
      "write buddyinfo, pagetypeinfo, zoneinfo, vmstat, slabinfo and extfrag/* as the "
      "workers left memory; with --page-owner, page_owner, page_owner_stacks and allocinfo too")
      ->option_text("FOLDER");
}

void add_stress(CLI::App& program, StressArguments& args) {
  CLI::App& app =
      *program.add_subcommand("stress", "run workloads in many threads and verify them");
  args.options.seed = random_seed();
  add_what_runs(app, args);
  app.add_flag("--sequential", args.options.sequential, "one workload after the other");
  add_how_long(app, args.options);
  add_conditions(app, args.options);
  add_output(app, args.options);
}

// What --all, --class and the workloads' own options come to together.
std::array<uint32_t, kWorkloads> workers_of(const StressArguments& args) {
  std::array<uint32_t, kWorkloads> workers;
  for (size_t i = 0; i < kWorkloads; ++i) {
    const bool in_class = kWorkloadInfos[i].group == args.group;
    const uint32_t by_class = !in_class           ? 0
                              : args.threads != 0 ? args.threads
                                                  : Topology::host().online_count();
    workers[i] = args.workers[i].value_or(std::max(by_class, args.all.value_or(0)));
  }
  return workers;
}

// A planted bug needs the workload that it lives in.
void check_canary(const StressOptions& options) {
  const auto requires_workload = [&options](Canary canary, WorkloadKind kind, const char* option) {
    if (options.canary == canary && options.workers_of(kind) == 0) {
      throw CLI::ValidationError(
          "--canary",
          fmt::format("this bug lives in a workload that does not run; add {} 1", option));
    }
  };
  requires_workload(Canary::kWriteAfterFree, WorkloadKind::kSlab, "--slab");
  requires_workload(Canary::kAbba, WorkloadKind::kLock, "--lock");
}

StressOptions resolve(const StressArguments& args) {
  StressOptions options = args.options;
  options.workers = workers_of(args);
  if (options.worker_count() == 0) {
    throw CLI::ValidationError("stress",
                               "nothing to do; try --all 2, or --pages, --slab, --kmalloc, --lock, "
                               "--tcp, --heap with a number of workers");
  }
  if (args.threads != 0 && args.group.empty()) {
    throw CLI::ValidationError("--threads",
                               "needs --class; workloads given by name have their own number");
  }
  if (!options.json_path.empty() && options.json_path == options.yaml_path) {
    throw CLI::ValidationError("--yaml", "cannot go where --json goes; give another file");
  }
  check_canary(options);
  return options;
}

// ---- ring3 sim ----

struct SimArguments {
  StressArguments stress;
  SimOptions sim;
};

void add_sim(CLI::App& program, SimArguments& args) {
  CLI::App& app = *program.add_subcommand(
      "sim",
      "run the workloads of stress on a simulated machine, exactly as the seed has it "
      "(MODE=sim); what is not given comes from the seed");
  args.stress.options.seed = random_seed();
  args.stress.options.memory_bytes = uint64_t{64} << 20;
  add_what_runs(app, args.stress);
  add_parsed(app, "--ops", args.stress.options.ops, count_between(uint64_t{1}, kMaxOps),
             "operations of each worker")
      ->option_text("N");
  add_parsed(app, "--cpus", args.sim.cpus, count_between(1u, kMaxWorkers), "simulated CPUs")
      ->option_text("N");
  add_parsed(app, "--nodes", args.sim.nodes, count_between(1u, kMaxWorkers), "nodes of them")
      ->option_text("N");
  add_parsed(app, "--strategy", args.sim.strategy, parse_strategy,
             "who decides what runs: random, pct, pos or surw")
      ->option_text("NAME");
  add_conditions(app, args.stress.options);
  add_parsed(app, "--trace", args.sim.trace_path, parse_output_path,
             "write the schedule as text; - is standard output")
      ->option_text("FILE");
}

SimOptions resolve(const SimArguments& args) {
  SimOptions options = args.sim;
  options.stress = args.stress.options;
  options.stress.workers = workers_of(args.stress);
  if (options.stress.worker_count() != 0) check_canary(options.stress);
  return options;
}

// ---- ring3 replay ----

void add_replay(CLI::App& program, ReplayOptions& options) {
  CLI::App& app = *program.add_subcommand(
      "replay", "feed a kernel's allocation trace (kmem events) through our allocators");
  app.add_option("TRACE", options.path,
                 "text of perf script, tracefs, trace-cmd, perf trace or LTTng; plain, gzip, xz, "
                 "zstd or bzip2; - is standard input")
      ->required();
  auto* pages = app.add_flag_callback(
      "--pages", [&options] { options.mode = ReplayMode::kPages; }, "replay page events");
  app.add_flag_callback(
         "--objects", [&options] { options.mode = ReplayMode::kObjects; },
         "replay object events (default where the trace has them)")
      ->excludes(pages);
  add_parsed(app, "--policy", options.policies, parse_page_policies,
             "which free pages are given, one policy after the other (default kernel,packed)")
      ->option_text("NAME[,NAME]");
  add_parsed(app, "--fill", options.fill_percent, parse_fill,
             fmt::format("how full memory is before, of pages that have come and gone for long "
                         "(default {}%)",
                         options.fill_percent))
      ->option_text("PERCENT");
  add_parsed(app, "--seed", options.seed, parse_seed,
             fmt::format("what those pages come from (default {})", options.seed))
      ->option_text("SEED");
  add_parsed(app, "--memory", options.memory_bytes, parse_memory,
             "size of the arena (default: the trace fills half of what is left)")
      ->option_text("SIZE");
  add_parsed(
      app, "--repeat", options.repetitions, count_between(1u, 1000u),
      fmt::format("timed runs, of which the median is given (default {})", options.repetitions))
      ->option_text("N");
  add_json(app, options.json_path);
  add_parsed(app, "--svg", options.svg_path, parse_output_path,
             "draw memory over time, a row a pageblock; - is standard output")
      ->option_text("FILE");
}

ReplayOptions resolve(const ReplayOptions& options) {
  if (!options.svg_path.empty() && options.svg_path == options.json_path) {
    throw CLI::ValidationError("--svg", "cannot go where --json goes; give another file");
  }
  return options;
}

// ---- ring3 heap ----

Result<std::vector<const mm::FitPolicy*>> parse_policies(std::string_view text) {
  if (text == "all") return HeapOptions::all_policies();
  if (const mm::FitPolicy* policy = mm::fit_policy_named(text)) return std::vector{policy};
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no policy; use first, next, best, worst or all", text)};
}

Result<uint64_t> parse_heap_limit(std::string_view text) {
  return parse_size_between(text, mm::kPageSize, uint64_t{64} << 30, "a heap of up to");
}

void add_heap(CLI::App& program, HeapOptions& options) {
  CLI::App& app = *program.add_subcommand(
      "heap", "run a program's mallocs through the malloc that textbooks teach, and show its work");
  auto* script = app.add_option("--script", options.script_path,
                                "the program, as lines like p = malloc 100; - is standard input")
                     ->option_text("FILE");
  auto* mtrace =
      app.add_option("--mtrace", options.mtrace_path,
                     "the program, as glibc's mtrace recorded it; plain, gzip, xz, zstd or bzip2")
          ->option_text("FILE")
          ->excludes(script);
  add_parsed(app, "--random", options.seed, parse_seed, "a program that comes from a seed")
      ->option_text("SEED")
      ->excludes(script)
      ->excludes(mtrace);
  add_parsed(app, "--policy", options.policies, parse_policies,
             "which free block is given: first, next, best, worst or all of them (the default)")
      ->option_text("NAME");
  add_parsed(app, "--coalesce", options.coalescing,
             one_of<mm::Coalescing>(mm::kCoalescingNames, "way to coalesce"),
             "when free neighbours become one: deferred, when nothing fits (the default), or "
             "immediate")
      ->option_text("WHEN");
  add_parsed(
      app, "--limit", options.limit_bytes, parse_heap_limit,
      fmt::format("how far the break may rise (default {})", format_size(options.limit_bytes)))
      ->option_text("SIZE");
  app.add_flag("--step", options.step, "print the blocks after each call, of the first policy");
  add_parsed(app, "--svg", options.svg_path, parse_output_path,
             "draw time by address, of the first policy; - is standard output")
      ->option_text("FILE");
  app.add_flag("--layout", options.layout, "print where the parts of a process lie");
}

HeapOptions resolve(const HeapOptions& options) {
  if (!options.has_program() && !options.layout) {
    throw CLI::ValidationError(
        "heap", "needs a program: --script FILE, --mtrace FILE or --random SEED; or --layout");
  }
  if (!options.has_program() && (options.step || !options.svg_path.empty())) {
    throw CLI::ValidationError("heap", "there are no steps to show without a program");
  }
  return options;
}

// ---- ring3 pages ----

struct PagesArguments {
  PagesCheckOptions check;
  ZoneinfoOptions zoneinfo;
};

void add_pages(CLI::App& program, PagesArguments& args) {
  CLI::App& app = *program.add_subcommand("pages", "the page allocator beside the kernel's");
  app.require_subcommand(1);
  CLI::App& check = *app.add_subcommand(
      "check",
      "replay recorded runs of a kernel's page allocator: the same frames, the same lists");
  check
      .add_option("FILE", args.check.paths,
                  "recorded runs, plain or compressed; - is standard input")
      ->required();
  CLI::App& zoneinfo = *app.add_subcommand(
      "zoneinfo",
      "work out again what /proc/zoneinfo, a kernel's or ours, has from sizes and settings");
  zoneinfo.add_option("FILE", args.zoneinfo.paths, "such texts; - is standard input")->required();
  add_sysctl(zoneinfo, args.zoneinfo.vm);
}

// ---- ring3 hunt ----

void add_hunt(CLI::App& program, HuntOptions& options) {
  CLI::App& app = *program.add_subcommand(
      "hunt", "run small scenarios under schedules of all kinds and look for races (MODE=sim)");
  app.add_option(
         "--target", options.target,
         "where: percpu, lock, pages, packed, slab, tcp, all of them (the default), or canary, a "
         "planted race")
      ->option_text("NAME");
  add_parsed(app, "--strategy", options.strategy, parse_strategy,
             "who decides: random, pct, pos or surw (default: all in turn)")
      ->option_text("NAME");
  auto* budget =
      add_parsed(app, "--budget", options.budget, parse_duration, "hunt for a time (default 60s)");
  budget->option_text("TIME");
  app.add_option(
         "--seeds",
         [&options](const CLI::results_t& texts) {
           const auto range = parse_seed_range(texts.back());
           if (!range) throw CLI::ValidationError("--seeds", range.error().message);
           options.first_seed = range->first;
           options.last_seed = range->last;
           return true;
         },
         "run these seeds, whatever time that takes")
      ->option_text("A..B")
      ->excludes(budget);
  app.add_flag("--first", options.first, "end at the first finding");
  app.add_flag("--shrink", options.shrink,
               "make each finding as small as it can be: operations, switches, moves");
  app.add_option("--replay", options.replay_path, "run a finding again; - is standard input")
      ->option_text("FILE");
  add_parsed(app, "--repeat", options.repetitions, count_between(uint64_t{1}, uint64_t{1'000'000}),
             "how often --replay runs it (default 1)")
      ->option_text("N");
  add_json(app, options.json_path);
}

// ---- ring3 campaign ----

void add_campaign(CLI::App& program, CampaignOptions& options) {
  CLI::App& app = *program.add_subcommand("campaign", "put the results of many hunts together");
  app.require_subcommand(1);
  CLI::App& merge = *app.add_subcommand(
      "merge", "each finding once, with its smallest story and how often all hunts have met it");
  merge
      .add_option("FILE", options.paths,
                  "what hunt --json has written, of any number of hunts; - is standard input")
      ->required();
  add_json(merge, options.json_path);
}

// ---- Errors. ----

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
