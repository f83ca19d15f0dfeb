#pragma once

// A workload is shared by its workers; a worker is what one thread runs, an operation at a time.

#include <cstdint>
#include <memory>
#include <string>

#include "harness/stress/worker_stats.h"
#include "lib/prng.h"

namespace ring3::harness {

class Worker {
 public:
  virtual ~Worker() = default;
  // One operation of the workload.
  virtual void operate() = 0;
  // The thread ends, with whatever it holds still alive: it goes to whoever comes next.
  virtual void retire() = 0;
};

class Workload {
 public:
  virtual ~Workload() = default;
  // Called by the thread that will run the worker. `stats` outlives it.
  virtual std::unique_ptr<Worker> make_worker(Prng prng, WorkerStats& stats) = 0;
  // All workers have retired: checks and gives back what they left.
  virtual void finish(WorkerStats& stats) = 0;
};

}  // namespace ring3::harness
