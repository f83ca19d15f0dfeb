#pragma once

// Where reports of misuse go: a double free, a lock cycle. A report is one whole text, handed over
// in one call, so that two threads' reports do not mix.

#include <string_view>

namespace ring3 {

class ReportSink {
 public:
  // May be called by any thread, with locks held: must not call back into ring3.
  virtual void report(std::string_view text) = 0;

 protected:
  ~ReportSink() = default;
};

// Writes each report to standard error with one write(2).
ReportSink& stderr_report_sink();

}  // namespace ring3
