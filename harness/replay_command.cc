#include "harness/replay_command.h"

#include "harness/base/complain.h"
#include "harness/report/deliver.h"
#include "harness/report/output_file.h"
#include "harness/report/page_map_svg.h"
#include "harness/report/replay_json.h"
#include "harness/report/replay_text.h"

namespace ring3::harness {

ExitCode replay_command(const ReplayOptions& options) {
  for (const std::string* path : {&options.json_path, &options.svg_path}) {
    if (Status writable = check_writable(*path); !writable) return complain(writable.error());
  }
  const Result<ReplayReport> report = run_replay(options);
  if (!report) return complain(report.error());
  return deliver({{options.json_path, replay_json(*report).dump(2) + "\n"},
                  {options.svg_path, options.svg_path.empty() ? "" : page_map_svg(*report)}},
                 replay_text(*report),
                 report->clean() ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

}  // namespace ring3::harness
