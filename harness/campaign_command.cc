#include "harness/campaign_command.h"

#include <fmt/format.h>

#include "harness/base/complain.h"
#include "harness/base/text_file.h"
#include "harness/hunt/campaign.h"
#include "harness/report/deliver.h"

namespace ring3::harness {

ExitCode campaign_command(const CampaignOptions& options) {
  Campaign campaign;
  for (const std::string& path : options.paths) {
    const Result<std::string> lines = read_text_file(path);
    if (!lines) return complain(lines.error());
    if (const Status added = campaign.add(*lines); !added) {
      return complain({added.error().code, path + ": " + added.error().message});
    }
  }
  std::string text;
  std::string json;
  for (const auto& [signature, record] : campaign.findings()) {
    text += to_text(record) + "\n";
    json += to_json(record);
  }
  const HuntSummary sum = campaign.summary();
  text += fmt::format("# {} hunt{}, {} schedules, {:.1f} CPU-seconds; {} finding{}\n", sum.hunts,
                      sum.hunts == 1 ? "" : "s", sum.schedules, sum.cpu_seconds, sum.findings,
                      sum.findings == 1 ? "" : "s");
  return deliver({{options.json_path, json + to_json(sum)}}, text,
                 sum.findings == 0 ? ExitCode::kClean : ExitCode::kVerificationFailed);
}

}  // namespace ring3::harness
