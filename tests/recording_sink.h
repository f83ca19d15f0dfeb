#pragma once

// Collects reports instead of printing them.

#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "lib/cpu/raw_spinlock.h"
#include "lib/report_sink.h"

namespace ring3::test {

class RecordingSink final : public ReportSink {
 public:
  void report(std::string_view text) override {
    RawSpinlockGuard guard(lock_);
    reports_.emplace_back(text);
  }
  size_t count() const {
    RawSpinlockGuard guard(lock_);
    return reports_.size();
  }
  std::string at(size_t index) const {
    RawSpinlockGuard guard(lock_);
    return reports_.at(index);
  }
  // The last report; empty when there is none.
  std::string last_raw() const {
    RawSpinlockGuard guard(lock_);
    return reports_.empty() ? std::string() : reports_.back();
  }
  // The same with every address, thread and caller masked.
  std::string last_masked() const {
    std::string text = std::regex_replace(last_raw(), std::regex("0x[0-9a-f]{6,}"), "ADDR");
    text = std::regex_replace(text, std::regex("process \\S+"), "process P");
    return std::regex_replace(text, std::regex("(at|site:|by) [^\n]+"), "$1 CALLER");
  }

 private:
  mutable RawSpinlock lock_;
  std::vector<std::string> reports_ GUARDED_BY(lock_);
};

}  // namespace ring3::test
