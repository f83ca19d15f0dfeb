#include "harness/complain.h"

#include <fmt/format.h>

#include "lib/report_sink.h"

namespace ring3::harness {

ExitCode complain(const Error& error) {
  stderr_report_sink().report(fmt::format("ring3: {}\n", error.message));
  return error.code == Errc::kNoResource ? ExitCode::kNoResource : ExitCode::kUsage;
}

}  // namespace ring3::harness
