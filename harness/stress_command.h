#pragma once

#include <string>

#include "harness/base/exit_code.h"
#include "harness/stress/stress_options.h"

namespace ring3::harness {

// `ring3 stress`: runs, prints and writes what the options ask for. `program` is how it was called.
ExitCode stress_command(const StressOptions& options, const std::string& program);

}  // namespace ring3::harness
