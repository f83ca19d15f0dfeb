#include "harness/stress_command.h"

#include <unistd.h>

#include <optional>

#include "harness/base/complain.h"
#include "harness/report/output_file.h"
#include "harness/report/proc_files.h"
#include "harness/report/stress_json.h"
#include "harness/report/stress_text.h"
#include "harness/report/yaml.h"
#include "harness/stress/stress_run.h"

namespace ring3::harness {
namespace {

Status write_documents(const StressReport& report, const StressOptions& options) {
  const nlohmann::ordered_json document = stress_json(report);
  Status written;
  if (!options.json_path.empty()) {
    written = write_output(options.json_path, document.dump(2) + "\n");
  }
  if (!options.yaml_path.empty()) {
    Status yaml = write_output(options.yaml_path, to_yaml(document));
    if (written) written = yaml;
  }
  if (!options.proc_snapshot.empty()) {
    Status files = write_snapshot(options.proc_snapshot, report.proc);
    if (written) written = files;
  }
  return written;
}

}  // namespace

ExitCode stress_command(const StressOptions& asked, const std::string& program) {
  StressOptions options = asked;
  options.progress |= isatty(STDERR_FILENO) != 0;
  for (const std::string* path : {&options.json_path, &options.yaml_path}) {
    if (Status writable = check_writable(*path); !writable) return complain(writable.error());
  }
  if (!options.proc_snapshot.empty()) {
    if (Status made = make_snapshot_folder(options.proc_snapshot); !made) {
      return complain(made.error());
    }
  }
  // Standard output belongs to the machine's report when it goes there.
  const bool machine = options.json_path == "-" || options.yaml_path == "-";
  // Crash and liveness reports name it too; it outlives them all.
  static std::string command;
  command = command_to_repeat(program, options);
  const std::string repeats = what_repeats(options);

  // So that it can be repeated should it not end well; a standard output that fails says so then.
  (void)write_for_people(machine, command + "\n" + repeats);
  const Result<StressReport> report = run_stress(options, command);
  if (!report) return complain(report.error());
  // Documents first: a reader of standard output that has gone takes nothing else with it. Each
  // error is said; the last one counts.
  std::optional<ExitCode> failed;
  if (Status written = write_documents(*report, options); !written) {
    failed = complain(written.error());
  }
  const std::string text = stress_text(*report) + repeats + command + "\n";
  if (Status written = write_for_people(machine, text); !written) {
    failed = complain(written.error());
  }
  return failed.value_or(report->exit_code());
}

}  // namespace ring3::harness
