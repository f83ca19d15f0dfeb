#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "lib/histogram.h"
#include "lib/units.h"

namespace ring3::harness {

// What one worker counts. Its thread writes; others read `ops` at any time and the rest when the
// thread has been joined.
struct WorkerStats {
  // Relaxed: the watchdog and the progress line want a number, not what it stands for.
  std::atomic<uint64_t> ops{0};
  uint64_t failures = 0;            // allocations refused; a full arena is not an error
  uint64_t verified = 0;            // checks that found what was expected
  std::atomic<uint64_t> errors{0};  // checks that did not
  Nanos cpu{0};
  Nanos end{0};  // when the worker had nothing left to do, on the monotonic clock
  Log2Histogram latency_ns;

  // Counts an error and says what it is on standard error, the first few times in a process.
  void error(std::string_view what);
};

}  // namespace ring3::harness
