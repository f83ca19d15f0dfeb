#include "harness/replay_command.h"

#include <optional>

#include "harness/complain.h"
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
  // The document first: a standard output that fails takes nothing else with it.
  std::optional<ExitCode> failed;
  if (!options.json_path.empty()) {
    const std::string document = replay_json(*report).dump(2) + "\n";
    if (Status written = write_output(options.json_path, document); !written) {
      failed = complain(written.error());
    }
  }
  const bool machine = options.json_path == "-";
  if (Status written = write_for_people(machine, replay_text(*report)); !written) {
    failed = complain(written.error());
  }
  const bool clean = report->refused_frees == 0 && report->leaks == 0;
  return failed.value_or(clean ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

}  // namespace ring3::harness
