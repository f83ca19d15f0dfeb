#pragma once

#include <atomic>
#include <cstdint>

#include "lib/report_sink.h"

namespace ring3::harness {

// Passes reports on and counts them: in a run without planted bugs, one is one too many.
class ReportCounter final : public ReportSink {
 public:
  explicit ReportCounter(ReportSink& next) : next_(next) {}
  void report(std::string_view text) override {
    count_.fetch_add(1, std::memory_order_relaxed);
    next_.report(text);
  }
  uint64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  ReportSink& next_;
  std::atomic<uint64_t> count_{0};
};

}  // namespace ring3::harness
