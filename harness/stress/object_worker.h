#pragma once

// What the pages, slab and kmalloc workers have in common: a set of live objects, of which each
// operation allocates, hands over, or verifies and frees one.

#include <vector>

#include "harness/stress/object_pattern.h"
#include "harness/stress/transfer_array.h"
#include "harness/stress/workload.h"

namespace ring3::harness {

class ObjectWorker : public Worker {
 public:
  void operate() final;
  void retire() final;

  // Verifies and releases objects that nobody holds any more.
  void retire_all(const std::vector<Object>& objects) {
    for (const Object& object : objects) {
      if (object.address != nullptr) retire_object(object);
    }
  }

 protected:
  struct Limits {
    size_t objects;  // held at once
    size_t bytes;    // of them together
    PatternDepth depth;
  };
  ObjectWorker(Prng prng, WorkerStats& stats, TransferArray& transfer, const Limits& limits);

  // A new object of a size of the workload's choice; with no address when the allocator refuses.
  virtual Object allocate() = 0;
  virtual void release(const Object& object) = 0;

  Prng& prng() { return prng_; }
  WorkerStats& stats() { return stats_; }

 private:
  void fill(Object& slot);
  // Verifies the object's pattern, counts, and releases it.
  void retire_object(const Object& object);

  Prng prng_;
  WorkerStats& stats_;
  TransferArray& transfer_;
  const Limits limits_;
  std::vector<Object> held_;
  size_t held_bytes_ = 0;
};

}  // namespace ring3::harness
