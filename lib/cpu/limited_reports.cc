#include "lib/cpu/limited_reports.h"

#include <fmt/format.h>

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
    if (admitted_ == 0 || now - period_start_ >= limit_.period) {
      period_start_ = now;
      admitted_ = 0;
      suppressed = std::exchange(suppressed_, 0);
    }
    if (admitted_ == limit_.burst) {
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
  sink_.report(fmt::format("ring3: {} more {} suppressed: at most {} in {} s are shown\n",
                           suppressed, limit_.what, limit_.burst, limit_.period / seconds(1)));
}

}  // namespace ring3
