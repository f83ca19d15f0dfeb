#include "harness/sim_run.h"

#include <fmt/format.h>

#include <deque>

#include "harness/sim/crash_trap.h"
#include "harness/sim/world.h"
#include "harness/stress/registry.h"

namespace ring3::harness {
namespace {

// Steps without an end are a livelock, and no run of a size that people wait for takes as many.
constexpr uint64_t kMaxSteps = uint64_t{1} << 40;
// How many operations a worker lives for, before another inherits what it holds.
constexpr uint64_t kShortestLife = 20;
constexpr uint64_t kLongestLife = 500;

// One worker of a workload, as a task.
struct SimWorker {
  const WorkloadInfo* info = nullptr;
  uint32_t index = 0;
  Workload* workload = nullptr;
  WorkerStats stats;

  void run(const StressOptions& options) {
    const uint64_t stream = first_stream_of(*info, index);
    Prng lives = Prng::stream(options.seed, stream);
    uint64_t ops = 0;
    for (uint64_t generation = 1; ops < *options.ops; ++generation) {
      const uint64_t end = std::min(ops + lives.between(kShortestLife, kLongestLife), *options.ops);
      const auto worker =
          workload->make_worker(Prng::stream(options.seed, stream + generation), stats);
      for (; ops < end; ++ops) worker->operate();
      worker->retire();
    }
    stats.ops.store(ops, std::memory_order_relaxed);
  }
};

class SimRun {
 public:
  SimRun(const SimOptions& options, World& world, Machine& machine)
      : options_(options.stress), cpus_(options.cpus), world_(world), machine_(machine) {}

  Result<SimReport> run() {
    if (Status prepared = prepare(); !prepared) return prepared.error();
    if (world_.run() == Ending::kDone) world_.conclude("finish", [this] { finish(); });
    report_.stopped = world_.what();
    report_.steps = world_.steps();
    report_.switches = world_.switches();
    report_.trace_hash = world_.trace_hash();
    report_.schedule = world_.schedule();
    report_.reports = machine_.reports();
    for (const SimWorker& worker : workers_) {
      for (WorkloadReport& row : report_.rows) {
        if (row.info.kind == worker.info->kind) row.add(worker.stats);
      }
    }
    return std::move(report_);
  }

 private:
  Status prepare() {
    uint32_t cpu = 0;
    for (const WorkloadInfo& info : kWorkloadInfos) {
      if (!skip_reason(info.kind, options_).empty()) continue;
      auto workload = make_workload(info.kind, machine_, options_);
      if (!workload) return workload.error();
      workloads_.push_back(std::move(*workload));
      WorkloadReport& row = report_.rows.emplace_back();
      row.info = info;
      row.workers = options_.workers_of(info.kind);
      for (uint32_t w = 0; w < options_.workers_of(info.kind); ++w) {
        SimWorker& worker = workers_.emplace_back();
        worker.info = &info;
        worker.index = w;
        worker.workload = workloads_.back().get();
        world_.spawn(fmt::format("{}/{}", info.name, w), cpu++ % cpus_,
                     [this, &worker] { worker.run(options_); });
      }
    }
    arm_faults(machine_, options_);
    return {};
  }

  void finish() {
    for (size_t i = 0; i < workloads_.size(); ++i) {
      WorkerStats last;
      workloads_[i]->finish(last);
      report_.rows[i].add(last);
    }
    workloads_.clear();
    report_.broken_invariants = machine_.memory().count_faults();
    const mm::Leaks leaks = machine_.memory().close();
    report_.leaked_objects = leaks.objects;
    report_.leaked_pages = leaks.pages.value();
  }

  const StressOptions& options_;
  const uint32_t cpus_;
  World& world_;
  Machine& machine_;
  std::vector<std::unique_ptr<Workload>> workloads_;
  std::deque<SimWorker> workers_;
  SimReport report_;
};

}  // namespace

uint64_t SimReport::errors() const {
  // A leak is in the reports.
  uint64_t sum = reports + broken_invariants + !stopped.empty();
  for (const WorkloadReport& row : rows) sum += row.errors;
  return sum;
}

Result<SimReport> run_sim(const SimOptions& options) {
  const auto topology = Topology::simulated(options.cpus, options.nodes);
  if (!topology) return topology.error();
  const StrategyKind kind = strategy_of(options.strategy).value();
  const auto strategy = make_strategy(kind, options.stress.seed, {});
  StackPool stacks;
  const CrashTrap trap;
  World world({.cpus = options.cpus, .max_steps = kMaxSteps}, *strategy, stacks);
  const World::Setup setup(world);
  auto machine = Machine::create(options.stress, *topology);
  if (!machine) return machine.error();
  Result<SimReport> report = SimRun(options, world, **machine).run();
  // Of a run that was stopped the locks may be held: the machine stays as it is.
  if (report && !report->stopped.empty()) static_cast<void>(machine->release());
  return report;
}

}  // namespace ring3::harness
