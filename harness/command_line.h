#pragma once

// The program's options, by CLI11.

#include <variant>

#include "harness/base/exit_code.h"
#include "harness/campaign_command.h"
#include "harness/heap/heap_run.h"
#include "harness/hunt/hunt_options.h"
#include "harness/pages_command.h"
#include "harness/replay/replay.h"
#include "harness/sim_options.h"
#include "harness/stress/stress_options.h"

namespace ring3::harness {

// What to run, or, when help was asked for or the options are wrong, what was printed about it and
// the status to exit with.
using Command = std::variant<ExitCode, StressOptions, ReplayOptions, HeapOptions, SimOptions,
                             HuntOptions, CampaignOptions, PagesCheckOptions, ZoneinfoOptions>;

Command parse_command_line(int argc, char** argv);

}  // namespace ring3::harness
