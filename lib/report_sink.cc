#include "lib/report_sink.h"

#include <cstdio>

namespace ring3 {
namespace {

class StderrSink final : public ReportSink {
 public:
  // Standard error is unbuffered: one fwrite is one write(2).
  void report(std::string_view text) override { std::fwrite(text.data(), 1, text.size(), stderr); }
};

}  // namespace

ReportSink& stderr_report_sink() {
  static StderrSink sink;
  return sink;
}

}  // namespace ring3
