#pragma once

// How long operations take while a thread really runs, and, of two threads, while both do. A thread
// works in slices of a few microseconds and notes the time stamp counter between them; a slice that
// took much longer than its like was preempted, and says nothing of the operations.

#include <x86intrin.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ring3::bench {

class Slices {
 public:
  static constexpr double kLength = 8000;  // nanoseconds that a slice should take

  // Nanoseconds of one tick, measured once.
  static double ns_per_tick();

  // Carries out `ops` operations, operation(0) to operation(ops - 1), in slices.
  template <class Operation>
  void run(uint64_t ops, Operation operation) {
    uint64_t chunk = 16;
    uint64_t done = 0;
    uint64_t start = __rdtsc();
    while (done < ops) {
      const uint64_t count = std::min(chunk, ops - done);
      for (uint64_t i = 0; i < count; ++i) operation(done + i);
      done += count;
      const uint64_t end = __rdtsc();
      slices_.push_back({start, end, count});
      // As many next time as take kLength, if the pace stays.
      const double ns = static_cast<double>(end - start) * ns_per_tick();
      const double wanted = static_cast<double>(count) * kLength / std::max(ns, 1.0);
      chunk = std::clamp<uint64_t>(static_cast<uint64_t>(wanted), chunk / 2 + 1, chunk * 2);
      start = __rdtsc();
    }
  }

  // The mean nanoseconds of an operation in slices that were not preempted, in which `other`, if
  // not null, ran all the time too; less than 0 when there are too few to say.
  double ns_an_op(const Slices* other = nullptr) const;

 private:
  struct Slice {
    uint64_t start;
    uint64_t end;
    uint64_t ops;
    double ticks_an_op() const {
      return static_cast<double>(end - start) / static_cast<double>(ops);
    }
  };

  // Longer than this, in ticks, and a slice was preempted.
  uint64_t longest() const;
  // True when unpreempted slices cover [start, end] but for the time between two.
  bool ran_during(uint64_t start, uint64_t end) const;

  std::vector<Slice> slices_;
};

inline double Slices::ns_per_tick() {
  static const double value = [] {
    timespec before{};
    timespec after{};
    clock_gettime(CLOCK_MONOTONIC, &before);
    const uint64_t start = __rdtsc();
    do {
      clock_gettime(CLOCK_MONOTONIC, &after);
    } while ((after.tv_sec - before.tv_sec) * 1'000'000'000 + after.tv_nsec - before.tv_nsec <
             20'000'000);
    const uint64_t end = __rdtsc();
    const auto ns = static_cast<double>((after.tv_sec - before.tv_sec) * 1'000'000'000 +
                                        after.tv_nsec - before.tv_nsec);
    return ns / static_cast<double>(end - start);
  }();
  return value;
}

inline uint64_t Slices::longest() const {
  return static_cast<uint64_t>(5 * kLength / ns_per_tick());
}

inline bool Slices::ran_during(uint64_t start, uint64_t end) const {
  auto slice = std::ranges::upper_bound(slices_, start, {}, &Slice::start);
  if (slice == slices_.begin()) return false;
  for (--slice; slice != slices_.end() && slice->start <= end; ++slice) {
    if (slice->end - slice->start > longest()) return false;
    if (slice->end >= end) return true;
  }
  return false;
}

inline double Slices::ns_an_op(const Slices* other) const {
  constexpr uint64_t kFewest = 20;
  double ticks = 0;
  double ops = 0;
  uint64_t kept = 0;
  for (const Slice& slice : slices_) {
    if (slice.end - slice.start > longest()) continue;
    if (other != nullptr && !other->ran_during(slice.start, slice.end)) continue;
    ticks += static_cast<double>(slice.end - slice.start);
    ops += static_cast<double>(slice.ops);
    ++kept;
  }
  return kept < kFewest ? -1 : ticks * ns_per_tick() / ops;
}

}  // namespace ring3::bench
