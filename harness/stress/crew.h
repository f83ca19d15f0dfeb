#pragma once

// The worker threads of one phase. Each worker is a line of threads: one runs for some thousand
// operations, dies with its objects alive, and the next takes over.

#include <atomic>
#include <deque>
#include <thread>

#include "harness/stress/stress_options.h"
#include "harness/stress/workload.h"

namespace ring3::harness {

class CrewWorker {
 public:
  // `stop` ends the worker after its current operation. All references outlive it.
  CrewWorker(const WorkloadInfo& info, uint32_t index, Workload& workload,
             const StressOptions& options, const std::atomic<bool>& stop);

  // Throws std::system_error when the host refuses a thread.
  void start();
  bool started() const { return thread_.joinable(); }
  void join() { thread_.join(); }

  // Nothing is left to do: the operations are used up, or it was told to stop.
  bool done() const { return done_.load(std::memory_order_acquire); }
  bool lost_thread() const { return lost_thread_; }

  const WorkloadInfo& info() const { return info_; }
  uint32_t index() const { return index_; }
  // Readable in full once done.
  const WorkerStats& stats() const { return stats_; }

 private:
  void run_generations();
  void run_generation(uint64_t stream, uint64_t quota);
  void operate_timed(Worker& worker);
  bool finished(uint64_t ops) const {
    return stop_.load(std::memory_order_relaxed) || (options_.ops && ops >= *options_.ops);
  }

  const WorkloadInfo& info_;
  const uint32_t index_;
  Workload& workload_;
  const StressOptions& options_;
  const std::atomic<bool>& stop_;
  WorkerStats stats_;
  bool lost_thread_ = false;
  // Released when stats_ is final, acquired by who then reads it.
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace ring3::harness
