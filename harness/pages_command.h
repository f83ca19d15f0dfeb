#pragma once

#include <string>
#include <vector>

#include "harness/base/exit_code.h"
#include "mm/mm.h"

namespace ring3::harness {

struct PagesCheckOptions {
  std::vector<std::string> paths;
  const mm::rules::Persona* persona = &mm::rules::kLinux61;
};

struct ZoneinfoOptions {
  std::vector<std::string> paths;
  mm::VmSettings vm;
};

// Replays recorded runs of a kernel on the kernel policy, as a version of Linux decides, says how
// much of each it reproduced, and at the first difference both states.
ExitCode pages_check_command(const PagesCheckOptions& options);

// Works out again what texts of /proc/zoneinfo have from sizes and settings, and says what differs.
ExitCode zoneinfo_command(const ZoneinfoOptions& options);

}  // namespace ring3::harness
