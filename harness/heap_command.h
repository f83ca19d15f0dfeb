#pragma once

#include "harness/base/exit_code.h"
#include "harness/heap/heap_run.h"

namespace ring3::harness {

// `ring3 heap`: runs, prints and draws what the options ask for.
ExitCode heap_command(const HeapOptions& options);

}  // namespace ring3::harness
