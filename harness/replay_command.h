#pragma once

#include "harness/base/exit_code.h"
#include "harness/replay/replay.h"

namespace ring3::harness {

// `ring3 replay`: runs, prints and writes what the options ask for.
ExitCode replay_command(const ReplayOptions& options);

}  // namespace ring3::harness
