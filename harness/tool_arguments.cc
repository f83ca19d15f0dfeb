#include "harness/tool_arguments.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/option_values.h"

namespace ring3::harness {
namespace {

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

Result<std::vector<const mm::FitPolicy*>> parse_policies(std::string_view text) {
  if (text == "all") return HeapOptions::all_policies();
  if (const mm::FitPolicy* policy = mm::fit_policy_named(text)) return std::vector{policy};
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no policy; use first, next, best, worst or all", text)};
}

Result<uint64_t> parse_heap_limit(std::string_view text) {
  return parse_size_between(text, mm::kPageSize, uint64_t{64} << 30, "a heap of up to");
}

}  // namespace

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
             fmt::format("which free pages are given, one policy after the other: {} (default "
                         "kernel,packed)",
                         page_policy_names()))
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
  add_parsed(check, "--persona", args.check.persona, parse_persona,
             fmt::format("the version of Linux to decide like: {} (default {})", persona_names(),
                         args.check.persona->version))
      ->option_text("VERSION");
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

}  // namespace ring3::harness
