#pragma once

#include <string>
#include <string_view>

#include "lib/report_sink.h"

namespace ring3::harness {

// Keeps the first report of a target, which a scenario without mistakes has none of.
class ReportTrap final : public ReportSink {
 public:
  void report(std::string_view text) override {
    if (count_++ == 0) first_ = text;
  }
  uint64_t count() const { return count_; }
  const std::string& first() const { return first_; }

 private:
  uint64_t count_ = 0;
  std::string first_;
};

}  // namespace ring3::harness
