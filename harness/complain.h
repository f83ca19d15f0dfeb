#pragma once

#include "harness/exit_code.h"
#include "lib/result.h"

namespace ring3::harness {

// Says on standard error what went wrong; returns the status to exit with.
ExitCode complain(const Error& error);

}  // namespace ring3::harness
