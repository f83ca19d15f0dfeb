#pragma once

#include <string>

#include "harness/base/exit_code.h"
#include "harness/sim_options.h"

namespace ring3::harness {

// `ring3 sim`: prints what ran and "trace-hash=...", which is the same for the same options on any
// machine and in any build of the same source. kSkipped in a program without schedule points.
ExitCode sim_command(const SimOptions& options, const std::string& program);

}  // namespace ring3::harness
