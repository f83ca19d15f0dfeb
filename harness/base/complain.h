#pragma once

#include <string_view>

#include "harness/base/exit_code.h"
#include "lib/result.h"

namespace ring3::harness {

// Says on standard error what went wrong; returns the status to exit with.
ExitCode complain(const Error& error);
// Says that `command` needs the program that MODE=sim builds; kSkipped.
ExitCode complain_of_no_schedule_points(std::string_view command);

}  // namespace ring3::harness
