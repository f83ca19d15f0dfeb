#include "lib/cpu/limited_reports.h"

#include <utility>

namespace ring3 {

LimitedReports::~LimitedReports() {
  uint64_t suppressed;
  {
    RawSpinlockGuard guard(lock_);
    suppressed = suppressed_;
  }
  say_suppressed(suppressed);
}

bool LimitedReports::admit() {
  count_.fetch_add(1, std::memory_order_relaxed);
  const Nanos now = schedule::now(clock_);
  uint64_t suppressed = 0;
  {
    RawSpinlockGuard guard(lock_);
    if (admitted_ == 0 || now - period_start_ >= kPeriod) {
      period_start_ = now;
      admitted_ = 0;
      suppressed = std::exchange(suppressed_, 0);
    }
    if (admitted_ == kBurst) {
      ++suppressed_;
      return false;
    }
    ++admitted_;
  }
  say_suppressed(suppressed);
  return true;
}

void LimitedReports::say_suppressed(uint64_t suppressed) {
  if (suppressed == 0) return;
  sink_.report("ring3: " + std::to_string(suppressed) +
               " more reports of misuse suppressed: at most " + std::to_string(kBurst) +
               " a minute are shown\n");
}

}  // namespace ring3
