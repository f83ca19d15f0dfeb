#pragma once

// A histogram of non-negative integers (latencies in nanoseconds) in constant space: each power
// of two is cut into eight, so a percentile read back is at most 12.5 % above the truth, and the
// maximum is exact. Not locked: one thread records, and merges happen when it has stopped.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/bits.h"

namespace ring3 {

class Log2Histogram {
 public:
  void record(uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    max_ = std::max(max_, value);
  }

  void merge(const Log2Histogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
  }

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }

  // The smallest bucket limit at or below which `per_mille` thousandths of the values lie, never
  // more than max(); 0 when nothing was recorded. p99.9 is percentile(999).
  uint64_t percentile(uint64_t per_mille) const {
    if (count_ == 0) return 0;
    const uint64_t wanted = std::max<uint64_t>(1, div_round_up(count_ * per_mille, uint64_t{1000}));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen >= wanted) return std::min(upper_limit(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kSubBits = 3;
  static constexpr uint64_t kSub = uint64_t{1} << kSubBits;
  static constexpr size_t kBuckets = (64 - kSubBits + 1) * kSub;

  // Values below kSub have a bucket each; above, the exponent and the next kSubBits bits choose.
  static constexpr size_t bucket_of(uint64_t value) {
    if (value < kSub) return static_cast<size_t>(value);
    const unsigned shift = ilog2(value) - kSubBits;
    return static_cast<size_t>((shift + 1) * kSub + ((value >> shift) - kSub));
  }
  static constexpr uint64_t upper_limit(size_t bucket) {
    if (bucket < kSub) return bucket;
    const uint64_t shift = bucket / kSub - 1;
    return ((bucket % kSub + kSub + 1) << shift) - 1;
  }

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace ring3
