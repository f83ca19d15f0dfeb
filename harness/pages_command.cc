#include "harness/pages_command.h"

#include <fmt/format.h>

#include "harness/base/byte_source.h"
#include "harness/base/complain.h"
#include "harness/pages/oracle_check.h"
#include "harness/pages/zoneinfo_check.h"
#include "harness/report/deliver.h"

namespace ring3::harness {

ExitCode pages_check_command(const PagesCheckOptions& options) {
  std::string text;
  uint64_t operations = 0;
  uint64_t reproduced = 0;
  bool all_same = true;
  for (const std::string& path : options.paths) {
    const Result<std::string> bytes = read_all_bytes(path);
    if (!bytes) return complain(bytes.error());
    const Result<OracleVerdict> verdict = check_oracle(*bytes);
    if (!verdict) {
      return complain({verdict.error().code, fmt::format("{}: {}", path, verdict.error().message)});
    }
    text +=
        fmt::format("{}: {} of {} operations reproduced{}\n", verdict->name, verdict->reproduced,
                    verdict->operations, verdict->is_same() ? "" : "; then, in " + path);
    text += verdict->difference;
    operations += verdict->operations;
    reproduced += verdict->reproduced;
    all_same &= verdict->is_same();
  }
  text += fmt::format("{} of {} operations of {} recorded runs reproduced\n", reproduced,
                      operations, options.paths.size());
  return deliver({}, text, all_same ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

ExitCode zoneinfo_command(const ZoneinfoOptions& options) {
  std::string text;
  bool all_same = true;
  for (const std::string& path : options.paths) {
    const Result<std::string> bytes = read_all_bytes(path);
    if (!bytes) return complain(bytes.error());
    const Result<ZoneinfoVerdict> verdict = check_zoneinfo(*bytes, options.vm);
    if (!verdict) {
      return complain({verdict.error().code, fmt::format("{}: {}", path, verdict.error().message)});
    }
    text += fmt::format("{}: {} of {} fields as computed, with vm.min_free_kbytes={} {}\n", path,
                        verdict->fields - verdict->differences.size(), verdict->fields,
                        verdict->min_free_kbytes, verdict->min_free_source);
    for (const std::string& difference : verdict->differences) text += "  " + difference + "\n";
    all_same &= verdict->differences.empty();
  }
  return deliver({}, text, all_same ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

}  // namespace ring3::harness
