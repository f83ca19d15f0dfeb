#include "harness/stress/crew.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "harness/stress/crash_handler.h"
#include "lib/os.h"

namespace ring3::harness {
namespace {

// A clock read costs as much as an operation, so only one in so many is timed.
constexpr uint64_t kTimedOneIn = 8;
// How many operations a thread lives for.
constexpr uint64_t kShortestLife = 1'000;
constexpr uint64_t kLongestLife = 50'000;

}  // namespace

CrewWorker::CrewWorker(const WorkloadInfo& info, uint32_t index, Workload& workload,
                       const StressOptions& options, const std::atomic<bool>& stop)
    : info_(info), index_(index), workload_(workload), options_(options), stop_(stop) {}

void CrewWorker::start() {
  thread_ = std::thread([this] { run_generations(); });
}

void CrewWorker::run_generations() {
  const uint64_t stream = first_stream_of(info_, index_);
  Prng lives = Prng::stream(options_.seed, stream);
  for (uint64_t generation = 1; !finished(stats_.ops); ++generation) {
    const uint64_t quota = lives.between(kShortestLife, kLongestLife);
    try {
      std::thread([&] { run_generation(stream + generation, quota); }).join();
    } catch (const std::system_error&) {
      lost_thread_ = true;
      break;
    }
  }
  stats_.end = os::monotonic_now();
  done_.store(true, std::memory_order_release);
}

void CrewWorker::run_generation(uint64_t stream, uint64_t quota) {
  const CrashStack crash_stack;
  os::set_thread_name(fmt::format("{}/{}", info_.name, index_).c_str());
  const std::unique_ptr<Worker> worker =
      workload_.make_worker(Prng::stream(options_.seed, stream), stats_);
  // Only this thread writes the count, so load and store need not be one step.
  uint64_t ops = stats_.ops.load(std::memory_order_relaxed);
  const uint64_t end = ops + quota;
  while (ops < end && !finished(ops)) {
    if (ops % kTimedOneIn == 0) {
      operate_timed(*worker);
    } else {
      worker->operate();
    }
    stats_.ops.store(++ops, std::memory_order_relaxed);
  }
  worker->retire();
  stats_.cpu += os::thread_cpu_now();
}

void CrewWorker::operate_timed(Worker& worker) {
  const Nanos start = os::monotonic_now();
  worker.operate();
  stats_.latency_ns.record(static_cast<uint64_t>((os::monotonic_now() - start).value()));
}

}  // namespace ring3::harness
