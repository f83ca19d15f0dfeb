#pragma once

#include <string>
#include <vector>

#include "harness/base/exit_code.h"

namespace ring3::harness {

// What `ring3 campaign merge` is asked to do.
struct CampaignOptions {
  std::vector<std::string> paths;  // of what `ring3 hunt --json` has written; - is standard input
  std::string json_path;           // empty: none
};

// Puts the results of many hunts together and prints each finding once. kVerificationFailed when
// there is one.
ExitCode campaign_command(const CampaignOptions& options);

}  // namespace ring3::harness
