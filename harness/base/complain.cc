#include "harness/base/complain.h"

#include <fmt/format.h>

#include "lib/report_sink.h"

namespace ring3::harness {

ExitCode complain(const Error& error) {
  stderr_report_sink().report(fmt::format("ring3: {}\n", error.message));
  return error.code == Errc::kNoResource ? ExitCode::kNoResource : ExitCode::kUsage;
}

ExitCode complain_of_no_schedule_points(std::string_view command) {
  stderr_report_sink().report(fmt::format(
      "ring3: {0} needs schedule points, which this program has not: make MODE=sim, then "
      "build/sim/ring3 {0}\n",
      command));
  return ExitCode::kSkipped;
}

}  // namespace ring3::harness
