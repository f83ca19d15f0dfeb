#include "harness/hunt_command.h"

#include "harness/base/complain.h"
#include "lib/cpu/schedule.h"

#if RING3_SIM

#include <fmt/format.h>

#include <cinttypes>
#include <cstdio>

#include "harness/base/text_file.h"
#include "harness/hunt/hunter.h"
#include "harness/report/deliver.h"
#include "harness/report/output_file.h"
#include "harness/sim/crash_trap.h"
#include "lib/asan.h"
#include "lib/os.h"
#include "lib/reservation.h"

namespace ring3::harness {
namespace {

// Between two looks at the clock.
constexpr int kSeedsAtOnce = 64;

Result<HuntPlan> plan_of(const HuntOptions& options) {
  HuntPlan plan{.targets = {},
                .strategy = std::nullopt,
                .first_seed = options.first_seed,
                .last_seed = options.last_seed.value_or(UINT64_MAX),
                .shrink = options.shrink};
  if (options.target == "all") {
    plan.targets.assign(targets().begin(), targets().end());
  } else if (const TargetInfo* target = find_target(options.target)) {
    plan.targets.push_back(target);
  } else {
    std::string known;
    for (const TargetInfo* one : targets()) known += fmt::format("{}, ", one->name);
    return Error{Errc::kInvalidArgument,
                 fmt::format("--target: '{}' is none; use {}or all", options.target, known)};
  }
  plan.strategy = strategy_of(options.strategy);
  return plan;
}

HuntSummary summary_of(const Hunter& hunter, Nanos time) {
  return {.first_seed = hunter.plan().first_seed,
          .next_seed = hunter.next_seed(),
          .schedules = hunter.schedules(),
          .steps = hunter.steps(),
          .seconds = static_cast<double>(time.value()) / 1e9,
          .cpu_seconds = static_cast<double>(os::thread_cpu_now().value()) / 1e9,
          .findings = hunter.findings().size()};
}

std::string summary_text(const Hunter& hunter, Nanos time) {
  const double spent = static_cast<double>(std::max<int64_t>(time.value(), 1)) / 1e9;
  return fmt::format(
      "# {} schedules of seeds {} to {} in {:.1f} s, {:.0f} a second; {:.0f} steps each; "
      "{} finding{}\n",
      hunter.schedules(), hunter.plan().first_seed, hunter.next_seed() - 1, spent,
      static_cast<double>(hunter.schedules()) / spent,
      static_cast<double>(hunter.steps()) /
          static_cast<double>(std::max<uint64_t>(hunter.schedules(), 1)),
      hunter.findings().size(), hunter.findings().size() == 1 ? "" : "s");
}

// What ASan finds ends the process: then at least it says where to find it again.
class SeedAtDeath {
 public:
  SeedAtDeath(const Hunter& hunter, const HuntOptions& options) {
    hunter_ = &hunter;
    options_ = &options;
    asan_at_death([] {
      if (hunter_ == nullptr) return;
      const uint64_t seed = hunter_->next_seed() - 1;
      std::fprintf(stderr,
                   "ring3: again: ring3 hunt --target %s --seeds %" PRIu64 "..%" PRIu64 "%s%s\n",
                   options_->target.c_str(), seed, seed,
                   options_->strategy.empty() ? "" : " --strategy ", options_->strategy.c_str());
    });
  }
  ~SeedAtDeath() { hunter_ = nullptr; }
  SeedAtDeath(const SeedAtDeath&) = delete;
  SeedAtDeath& operator=(const SeedAtDeath&) = delete;

 private:
  static inline const Hunter* hunter_ = nullptr;
  static inline const HuntOptions* options_ = nullptr;
};

ExitCode hunt(const HuntOptions& options, const HuntPlan& plan) {
  if (Status writable = check_writable(options.json_path); !writable) {
    return complain(writable.error());
  }
  const os::Recycling recycling;
  Hunter hunter(plan);
  const CrashTrap trap;
  const SeedAtDeath seed_at_death(hunter, options);
  const Nanos start = os::monotonic_now();
  const bool timed = !options.last_seed;
  while (!hunter.done() && !(timed && os::monotonic_now() - start >= options.budget)) {
    if (options.first && !hunter.findings().empty()) break;
    for (int i = 0; i < kSeedsAtOnce && hunter.hunt_next(); ++i) {
    }
  }
  const Nanos time = os::monotonic_now() - start;
  std::string text;
  std::string json;
  for (const auto& [signature, finding] : hunter.findings()) {
    const FindingRecord record = record_of(finding);
    text += to_text(record) + "\n";
    json += to_json(record);
  }
  text += summary_text(hunter, time);
  json += to_json(summary_of(hunter, time));
  return deliver({{options.json_path, json}}, text,
                 hunter.findings().empty() ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

ExitCode replay(const HuntOptions& options) {
  const Result<std::string> text = read_text_file(options.replay_path);
  if (!text) return complain(text.error());
  const Result<Story> story = parse_story(*text, ops_of_target);
  if (!story) {
    return complain({story.error().code, options.replay_path + ": " + story.error().message});
  }
  const os::Recycling recycling;
  StackPool stacks;
  const CrashTrap trap;
  Finding finding{.scenario = story->scenario, .verdict = {}};
  finding.count = 0;
  uint64_t runs = 0;
  for (; runs < options.repetitions; ++runs) {
    Verdict verdict = run_scenario(story->scenario, *make_replay(story->schedule), stacks);
    if (verdict.clean()) continue;
    ++finding.count;
    finding.verdict = std::move(verdict);
  }
  std::string report;
  if (finding.count != 0) {
    report = to_text(record_of(options.shrink ? shrink(finding, stacks) : finding));
  }
  report += fmt::format("# found in {} of {} replays\n", finding.count, runs);
  return deliver({}, report, finding.count == 0 ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

}  // namespace

ExitCode hunt_command(const HuntOptions& options) {
  if (!options.replay_path.empty()) return replay(options);
  const Result<HuntPlan> plan = plan_of(options);
  if (!plan) {
    complain(plan.error());
    return ExitCode::kUsage;
  }
  return hunt(options, *plan);
}

}  // namespace ring3::harness

#else

namespace ring3::harness {

ExitCode hunt_command(const HuntOptions&) { return complain_of_no_schedule_points("hunt"); }

}  // namespace ring3::harness

#endif
