#pragma once

#include "harness/base/exit_code.h"
#include "harness/hunt/hunt_options.h"

namespace ring3::harness {

// `ring3 hunt`: prints each new fault as a story that --replay reads, and at the end a summary.
// kSkipped in a program without schedule points.
ExitCode hunt_command(const HuntOptions& options);

}  // namespace ring3::harness
