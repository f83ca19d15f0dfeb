#include "harness/stress_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "harness/option_values.h"

namespace ring3::harness {
namespace {

constexpr uint32_t kMaxWorkers = 256;
constexpr uint64_t kMaxOps = 1'000'000'000'000;  // a day of the fastest workload

Result<Canary> parse_canary(std::string_view text) {
  if (text == "write-after-free") return Canary::kWriteAfterFree;
  if (text == "abba") return Canary::kAbba;
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no canary; use write-after-free or abba", text)};
}

Result<std::string> parse_class(std::string_view text) {
  for (const WorkloadInfo& info : kWorkloadInfos) {
    if (info.group == text) return std::string(text);
  }
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no class of workloads; use mm, net or lock", text)};
}

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

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
             fmt::format("which free pages are given, as a Linux does or packed (the default): {}",
                         page_policy_names()))
      ->option_text("NAME");
  add_parsed(app, "--zones", options.zones, parse_zone_set,
             "which zones memory has: x86-64 (default), or x86-32 with high memory from 896M to 4G")
      ->option_text("MACHINE");
  add_memmap(app, options.reserved);
  add_sysctl(app, options.vm);
  app.add_flag("--page-owner", options.page_owner,
               "record who allocated and freed each block last, with both stacks, for reports and "
               "page_owner of --proc-snapshot (the default under ASan)");
  app.add_flag("--init-on-alloc", options.filling.init_on_alloc, "zero pages that are handed out");
  app.add_flag("--init-on-free", options.filling.init_on_free, "zero pages that are given back");
  app.add_flag("--page-poison", options.filling.page_poison,
               "fill free pages with a pattern, and look at it when they are handed out");
  app.add_flag("--verify", options.verify, "check every byte of every object, not only its ends");
  add_parsed(
      app, "--failslab", options.failslab,
      [](std::string_view text) { return parse_fault_attributes(text); },
      "fail object allocations: interval,probability,space,times; then any of verbose=0|1|2, "
      "task=NAME, require=FUNCTION, reject=FUNCTION")
      ->option_text("I,P,S,T[,NAME=VALUE]...");
  add_parsed(app, "--fail-page-alloc", options.fail_page_alloc, mm::parse_page_faults,
             "fail page allocations, likewise; also min-order=N, ignore-gfp-wait=Y, "
             "ignore-gfp-highmem=Y")
      ->option_text("I,P,S,T[,NAME=VALUE]...");
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
      "write buddyinfo, pagetypeinfo, zoneinfo, vmstat, slabinfo, extfrag/* and memblock/* as the "
      "workers left memory; with --page-owner, page_owner, page_owner_stacks and allocinfo too")
      ->option_text("FOLDER");
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

}  // namespace

void add_stress(CLI::App& program, StressArguments& args) {
  CLI::App& app =
      *program.add_subcommand("stress", "run workloads in many threads and verify them");
  args.options.seed = random_seed();
  add_what_runs(app, args);
  app.add_flag("--sequential", args.options.sequential, "one workload after the other");
  add_how_long(app, args.options);
  add_conditions(app, args.options);
  add_parsed(app, "--nodes", args.options.nodes,
             count_between(1u, static_cast<unsigned>(mm::Pageblock::kMaxNodes)),
             "deal CPUs and memory to so many NUMA nodes, as the kernel's numa=fake does (default: "
             "the host's)")
      ->option_text("N");
  add_output(app, args.options);
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

}  // namespace ring3::harness
