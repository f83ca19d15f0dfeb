#include "harness/stress/stress_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "harness/base/parse_values.h"
#include "harness/stress/crash_handler.h"
#include "harness/stress/crew.h"
#include "harness/stress/machine.h"
#include "harness/stress/registry.h"
#include "harness/stress/signals.h"
#include "lib/report_sink.h"
#include "lib/tracepoint.h"

namespace ring3::harness {
namespace {

constexpr Nanos kTick = milliseconds(50);
constexpr Nanos kProgressEvery = seconds(1);
// No operation takes nearly as long, even under a sanitizer on a busy machine.
constexpr Nanos kLivenessLimit = seconds(60);

// One workload of the run: what it is, its workers, and what they did.
struct Entry {
  WorkloadReport report;
  std::unique_ptr<Workload> workload;
  std::deque<CrewWorker> workers;

  uint64_t ops_racy() const {
    uint64_t ops = 0;
    for (const CrewWorker& worker : workers)
      ops += worker.stats().ops.load(std::memory_order_relaxed);
    return ops;
  }
  uint64_t errors_racy() const {
    uint64_t errors = 0;
    for (const CrewWorker& worker : workers) {
      errors += worker.stats().errors.load(std::memory_order_relaxed);
    }
    return errors;
  }
};

class StressRun {
 public:
  StressRun(const StressOptions& options, const std::string& command, Machine& machine)
      : options_(options), command_(command), machine_(machine) {}

  Result<StressReport> run();

 private:
  Status prepare_entries();

  Status run_phase(std::span<Entry> entries, std::string_view name);
  Status start_workers(std::span<Entry> entries);
  void watch(std::span<Entry> entries);
  void wait_until_done(std::span<Entry> entries);
  static bool all_done(std::span<Entry> entries);
  void check_liveness(std::span<Entry> entries);
  void show_progress(std::span<Entry> entries);
  void dump_state() const;
  Status collect(Entry& entry);
  StressReport conclude();

  const StressOptions& options_;
  const std::string& command_;
  Machine& machine_;
  std::vector<Entry> entries_{kWorkloads};
  std::atomic<bool> stop_{false};
  bool interrupted_ = false;
  Nanos start_{0};
  Nanos phase_start_{0};
  Nanos last_progress_{0};
  std::string buddyinfo_;
  std::string slabinfo_;
  std::vector<ProcFile> proc_;
  // Operations seen and when they last grew, by worker.
  struct Pulse {
    const CrewWorker* worker;
    uint64_t ops;
    Nanos since;
  };
  std::vector<Pulse> pulses_;
};

// ---- Preparation. ----

Status StressRun::prepare_entries() {
  for (size_t i = 0; i < kWorkloads; ++i) {
    const WorkloadInfo& info = kWorkloadInfos[i];
    Entry& entry = entries_[i];
    entry.report.info = info;
    entry.report.skipped = skip_reason(info.kind, options_);
    if (!entry.report.skipped.empty()) continue;
    entry.report.workers = options_.workers_of(info.kind);
    Result<std::unique_ptr<Workload>> workload = make_workload(info.kind, machine_, options_);
    if (!workload) return workload.error();
    entry.workload = std::move(*workload);
    for (uint32_t w = 0; w < entry.report.workers; ++w) {
      entry.workers.emplace_back(info, w, *entry.workload, options_, stop_);
    }
  }
  return {};
}

// ---- The run. ----

Result<StressReport> StressRun::run() {
  start_ = os::monotonic_now();
  if (Status prepared = prepare_entries(); !prepared) return prepared.error();
  // Faults start now: the machine itself is whole.
  arm_faults(machine_, options_);
  if (!options_.sequential) {
    if (Status status = run_phase(entries_, "stress"); !status) return status.error();
    return conclude();
  }
  for (Entry& entry : entries_) {
    if (!entry.report.skipped.empty() || interrupted_) continue;
    const std::span<Entry> one(&entry, 1);
    if (Status status = run_phase(one, entry.report.info.name); !status) return status.error();
  }
  return conclude();
}

Status StressRun::run_phase(std::span<Entry> entries, std::string_view name) {
  stop_.store(false, std::memory_order_relaxed);
  phase_start_ = last_progress_ = os::monotonic_now();
  RING3_TRACE1(phase_begin, name.data());
  Status started = start_workers(entries);
  if (started) watch(entries);
  stop_.store(true, std::memory_order_relaxed);
  wait_until_done(entries);
  RING3_TRACE1(phase_end, name.data());
  // The state of memory as the workers left it, before their objects are given back.
  buddyinfo_ = machine_.memory().pages().buddyinfo();
  slabinfo_ = machine_.memory().slabs().slabinfo();
  if (!options_.proc_snapshot.empty()) proc_ = proc_snapshot(machine_.memory());
  for (Entry& entry : entries) {
    if (entry.workload == nullptr) continue;
    if (Status collected = collect(entry); !collected) return collected;
  }
  return started;
}

Status StressRun::start_workers(std::span<Entry> entries) {
  pulses_.clear();
  for (Entry& entry : entries) {
    for (CrewWorker& worker : entry.workers) {
      try {
        worker.start();
      } catch (const std::system_error& refusal) {
        return Error{Errc::kNoResource,
                     fmt::format("cannot start thread {} ({}); ask for fewer workers, or raise "
                                 "`ulimit -u` or `ulimit -v`",
                                 pulses_.size() + 1, refusal.what())};
      }
      pulses_.push_back({&worker, 0, phase_start_});
    }
  }
  return {};
}

void StressRun::watch(std::span<Entry> entries) {
  while (!all_done(entries)) {
    const Nanos left = phase_start_ + options_.duration - os::monotonic_now();
    if (!options_.ops && left <= Nanos(0)) return;
    switch (wait_for_signal(options_.ops ? kTick : std::min(left, kTick))) {
      case Signal::kStop:
        interrupted_ = true;
        return;
      case Signal::kDump:
        dump_state();
        break;
      case Signal::kNone:
        break;
    }
    check_liveness(entries);
    if (options_.progress && os::monotonic_now() - last_progress_ >= kProgressEvery) {
      show_progress(entries);
    }
  }
}

void StressRun::wait_until_done(std::span<Entry> entries) {
  while (!all_done(entries)) {
    os::sleep_for(milliseconds(1));
    check_liveness(entries);
  }
}

bool StressRun::all_done(std::span<Entry> entries) {
  return std::all_of(entries.begin(), entries.end(), [](const Entry& entry) {
    return std::all_of(entry.workers.begin(), entry.workers.end(),
                       [](const CrewWorker& worker) { return !worker.started() || worker.done(); });
  });
}

// A worker that stands still for kLivenessLimit hangs. Its locks may be held, so nothing that takes
// one is asked any more.
void StressRun::check_liveness(std::span<Entry> entries) {
  const Nanos now = os::monotonic_now();
  for (Pulse& pulse : pulses_) {
    const uint64_t ops = pulse.worker->stats().ops.load(std::memory_order_relaxed);
    if (ops != pulse.ops || pulse.worker->done()) {
      pulse.ops = ops;
      pulse.since = now;
    } else if (now - pulse.since > kLivenessLimit) {
      show_progress(entries);
      stderr_report_sink().report(
          fmt::format("ring3: worker {}/{} has not finished operation {} in {}\n"
                      "ring3: repeat its requests with: {}\n",
                      pulse.worker->info().name, pulse.worker->index(), ops + 1,
                      format_duration(kLivenessLimit), command_));
      _exit(static_cast<int>(ExitCode::kLiveness));
    }
  }
}

void StressRun::show_progress(std::span<Entry> entries) {
  const Nanos now = os::monotonic_now();
  last_progress_ = now;
  std::string line = fmt::format("[{:4}s]", (now - start_) / seconds(1));
  uint64_t errors = machine_.reports();
  for (const Entry& entry : entries) {
    if (entry.workload == nullptr) continue;
    fmt::format_to(std::back_inserter(line), " {} {}", entry.report.info.name, entry.ops_racy());
    errors += entry.errors_racy();
  }
  stderr_report_sink().report(fmt::format("{} ops, {} errors\n", line, errors));
}

void StressRun::dump_state() const {
  stderr_report_sink().report(machine_.memory().pages().buddyinfo() +
                              machine_.memory().slabs().slabinfo() + machine_.lockdep().stats());
}

// ---- The end. ----

Status StressRun::collect(Entry& entry) {
  WorkloadReport& report = entry.report;
  bool lost_thread = false;
  for (CrewWorker& worker : entry.workers) {
    if (!worker.started()) continue;
    worker.join();
    report.add(worker.stats());
    report.real = std::max(report.real, worker.stats().end - phase_start_);
    lost_thread |= worker.lost_thread();
  }
  WorkerStats last;
  entry.workload->finish(last);
  report.add(last);
  if (!lost_thread) return {};
  return Error{Errc::kNoResource,
               "the host refused a thread during the run; ask for fewer workers, or raise "
               "`ulimit -u` or `ulimit -v`"};
}

StressReport StressRun::conclude() {
  mm::Memory& memory = machine_.memory();
  StressReport report;
  report.command = command_;
  report.options = options_;
  report.interrupted = interrupted_;
  report.buddyinfo = buddyinfo_;
  report.slabinfo = slabinfo_;
  report.proc = std::move(proc_);
  report.rss_bytes = os::resident_bytes();
  report.broken_invariants = memory.count_faults();
  for (Entry& entry : entries_) {
    entry.workload.reset();
    report.workloads.push_back(std::move(entry.report));
  }
  const mm::Leaks leaks = memory.close();
  report.leaked_objects = leaks.objects;
  report.leaked_pages = leaks.pages.value();
  report.lockdep_stats = machine_.lockdep().stats();
  report.tracepoints = machine_.tracepoints();
  for (const FaultPoint* point : std::initializer_list<const FaultPoint*>{
           &memory.slabs().failslab(), &memory.pages().fail_page_alloc().point()}) {
    report.faults_injected.push_back({std::string(point->name()), point->injected()});
  }
  report.reports = machine_.reports();
  report.real = os::monotonic_now() - start_;
  return report;
}

}  // namespace

Result<StressReport> run_stress(const StressOptions& options, const std::string& command) {
  block_signals();
  install_crash_handler(command);
  Topology topology = Topology::host();
  if (options.nodes != 0) {
    Result<Topology> dealt = topology.with_fake_nodes(options.nodes);
    if (!dealt) return dealt.error();
    topology = std::move(*dealt);
  }
  auto machine = Machine::create(options, topology);
  if (!machine) return machine.error();
  return StressRun(options, command, **machine).run();
}

}  // namespace ring3::harness
