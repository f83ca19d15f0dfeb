#pragma once

#include <string>
#include <vector>

#include "harness/base/exit_code.h"

namespace ring3::harness {

struct PagesCheckOptions {
  std::vector<std::string> paths;
};

// Replays recorded runs of a kernel on the kernel policy, says how much of each it reproduced, and
// at the first difference both states.
ExitCode pages_command(const PagesCheckOptions& options);

}  // namespace ring3::harness
