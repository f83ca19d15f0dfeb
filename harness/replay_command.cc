#include "harness/replay_command.h"

#include "harness/base/complain.h"
#include "harness/report/deliver.h"
#include "harness/report/output_file.h"
#include "harness/report/replay_json.h"
#include "harness/report/replay_text.h"

namespace ring3::harness {

ExitCode replay_command(const ReplayOptions& options) {
  if (Status writable = check_writable(options.json_path); !writable) {
    return complain(writable.error());
  }
  const Result<ReplayReport> report = run_replay(options);
  if (!report) return complain(report.error());
  const bool clean = report->refused_frees == 0 && report->leaks == 0;
  return deliver(options.json_path, replay_json(*report).dump(2) + "\n", replay_text(*report),
                 clean ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

}  // namespace ring3::harness
