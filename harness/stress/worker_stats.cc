#include "harness/stress/worker_stats.h"

#include <fmt/format.h>

#include "lib/report_sink.h"

namespace ring3::harness {

void WorkerStats::error(std::string_view what) {
  constexpr unsigned kShown = 10;
  static std::atomic<unsigned> shown{0};
  errors.fetch_add(1, std::memory_order_relaxed);
  const unsigned number = shown.fetch_add(1, std::memory_order_relaxed);
  if (number < kShown) {
    stderr_report_sink().report(fmt::format("ring3: verification failed: {}\n", what));
  } else if (number == kShown) {
    stderr_report_sink().report("ring3: more failures are counted, not shown\n");
  }
}

}  // namespace ring3::harness
