#include "harness/pages_command.h"

#include <fmt/format.h>

#include "harness/base/byte_source.h"
#include "harness/base/complain.h"
#include "harness/pages/oracle_check.h"
#include "harness/pages/zoneinfo_check.h"
#include "harness/report/deliver.h"

namespace ring3::harness {
namespace {

// What judge(text) says of the text of a file; its errors name the file.
template <class Judge>
auto judge_file(const std::string& path, Judge judge) -> decltype(judge(path)) {
  const Result<std::string> bytes = read_all_bytes(path);
  if (!bytes) return bytes.error();
  auto verdict = judge(*bytes);
  if (verdict) return verdict;
  return Error{verdict.error().code, fmt::format("{}: {}", path, verdict.error().message)};
}

}  // namespace

ExitCode pages_check_command(const PagesCheckOptions& options) {
  std::string text;
  uint64_t operations = 0;
  uint64_t reproduced = 0;
  bool all_same = true;
  for (const std::string& path : options.paths) {
    const Result<OracleVerdict> verdict = judge_file(
        path, [&](std::string_view bytes) { return check_oracle(bytes, *options.persona); });
    if (!verdict) return complain(verdict.error());
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
    const Result<ZoneinfoVerdict> verdict =
        judge_file(path, [&](std::string_view bytes) { return check_zoneinfo(bytes, options.vm); });
    if (!verdict) return complain(verdict.error());
    text += fmt::format("{}: {} of {} fields as computed, with vm.min_free_kbytes={} {}\n", path,
                        verdict->fields - verdict->differences.size(), verdict->fields,
                        verdict->min_free_kbytes, verdict->min_free_source);
    for (const std::string& difference : verdict->differences) text += "  " + difference + "\n";
    all_same &= verdict->differences.empty();
  }
  return deliver({}, text, all_same ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

}  // namespace ring3::harness
