#pragma once

// Reports at a bearable rate: a loop that frees one page a thousand times says so sixty times, and
// then how often more.

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/clock.h"
#include "lib/cpu/atomic.h"
#include "lib/cpu/raw_spinlock.h"
#include "lib/report_sink.h"

namespace ring3 {

// `burst` of them in a `period`.
struct ReportLimit {
  const char* what;
  uint32_t burst;
  Nanos period;
};
// Callers' mistakes; the kernel's bad_page() has the same limit.
inline constexpr ReportLimit kMisuseLimit{"reports of misuse", 60, seconds(60)};

class LimitedReports {
 public:
  // Both outlive it.
  explicit LimitedReports(ReportSink& sink, const ReportLimit& limit = kMisuseLimit,
                          const Clock& clock = system_clock())
      : sink_(sink), limit_(limit), clock_(clock) {}
  // Says how many the last period suppressed.
  ~LimitedReports();
  LimitedReports(const LimitedReports&) = delete;
  LimitedReports& operator=(const LimitedReports&) = delete;

  // Counts a report, and hands on the text that `make` returns unless this period has had its
  // burst. Any thread; `make` runs without a lock.
  template <class Make>
  void report(Make make) EXCLUDES(lock_) {
    if (admit()) sink_.report(make());
  }
  // The same without the limit: for what is reported once, such as leaks.
  void report_always(std::string_view text) {
    count_.fetch_add(1, std::memory_order_relaxed);
    sink_.report(text);
  }

  // All reports, those too whose texts were suppressed. Relaxed: it orders nothing.
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  bool admit() EXCLUDES(lock_);
  void say_suppressed(uint64_t suppressed);

  ReportSink& sink_;
  const ReportLimit limit_;
  const Clock& clock_;
  Atomic<uint64_t> count_{0};

  RawSpinlock lock_;
  Nanos period_start_ GUARDED_BY(lock_){0};
  uint32_t admitted_ GUARDED_BY(lock_) = 0;  // in this period; 0 before the first
  uint64_t suppressed_ GUARDED_BY(lock_) = 0;
};

}  // namespace ring3
