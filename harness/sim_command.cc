#include "harness/sim_command.h"

#include "harness/base/complain.h"
#include "lib/cpu/schedule.h"

#if RING3_SIM

#include <fmt/format.h>

#include <iterator>

#include "harness/hunt/scenario.h"
#include "harness/report/deliver.h"
#include "harness/report/output_file.h"
#include "harness/sim_run.h"

namespace ring3::harness {
namespace {

std::string to_text(const SimReport& report) {
  std::string text = fmt::format("{:<9}{:>8}{:>12}{:>10}{:>11}{:>8}\n", "workload", "workers",
                                 "ops", "failures", "verified", "errors");
  for (const WorkloadReport& row : report.rows) {
    fmt::format_to(std::back_inserter(text), "{:<9}{:>8}{:>12}{:>10}{:>11}{:>8}\n", row.info.name,
                   row.workers, row.ops, row.failures, row.verified, row.errors);
  }
  fmt::format_to(std::back_inserter(text), "\n{} steps, {} switches\n", report.steps,
                 report.switches);
  if (!report.stopped.empty()) {
    fmt::format_to(std::back_inserter(text), "stopped: {}\n", report.stopped);
  }
  if (report.errors() == 0) {
    text += "finished: no errors\n";
  } else {
    fmt::format_to(std::back_inserter(text),
                   "FAILED: {} errors ({} reports, {} broken invariants, {} objects and {} pages "
                   "leaked)\n",
                   report.errors(), report.reports, report.broken_invariants, report.leaked_objects,
                   report.leaked_pages);
  }
  fmt::format_to(std::back_inserter(text), "trace-hash={:#018x}\n", report.trace_hash);
  return text;
}

}  // namespace

ExitCode sim_command(const SimOptions& asked, const std::string& program) {
  const SimOptions options = fill_from_seed(asked);
  if (Status writable = check_writable(options.trace_path); !writable) {
    return complain(writable.error());
  }
  const std::string command = command_to_repeat(program, options) + "\n";
  if (Status written = write_for_people(options.trace_path == "-", command); !written) {
    return complain(written.error());
  }
  const Result<SimReport> report = run_sim(options);
  if (!report) {
    const ExitCode status = complain(report.error());
    return report.error().code == Errc::kInvalidArgument ? ExitCode::kUsage : status;
  }
  return deliver({{options.trace_path, "# " + command + to_text(report->schedule)}},
                 to_text(*report),
                 report->errors() == 0 ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

}  // namespace ring3::harness

#else

namespace ring3::harness {

ExitCode sim_command(const SimOptions&, const std::string&) {
  return complain_of_no_schedule_points("sim");
}

}  // namespace ring3::harness

#endif
