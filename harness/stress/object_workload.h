#pragma once

// A workload whose workers are ObjectWorkers of type W, which is made from (Context, Prng,
// WorkerStats&, TransferArray&).

#include <utility>

#include "harness/stress/object_worker.h"

namespace ring3::harness {

template <class W, class Context>
class ObjectWorkload final : public Workload {
 public:
  ObjectWorkload(lockdep::Lockdep& lockdep, Context context)
      : transfer_(lockdep), context_(std::move(context)) {}

  std::unique_ptr<Worker> make_worker(Prng prng, WorkerStats& stats) override {
    return std::make_unique<W>(context_, prng, stats, transfer_);
  }

  void finish(WorkerStats& stats) override {
    // Taken before the last worker is made, which would inherit some of them.
    const std::vector<Object> left = transfer_.take_all();
    W(context_, Prng(0), stats, transfer_).retire_all(left);
  }

 private:
  TransferArray transfer_;
  Context context_;
};

}  // namespace ring3::harness
