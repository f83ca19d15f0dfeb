#pragma once

// Signals as the harness takes them: SIGINT and SIGTERM end a run cleanly, SIGUSR1 asks for the
// state of memory, and one that means a crash ends the program with ExitCode::kCrash and the
// command that replays the run.

#include <string>

#include "lib/units.h"

namespace ring3::harness {

enum class Signal { kNone, kStop, kDump };

// Blocks the signals that wait_for_signal() takes, in this thread and those it starts later.
void block_signals();
// Waits for one of them, for at most `timeout`.
Signal wait_for_signal(Nanos timeout);

// From now on a crash prints `command`, which outlives the process. A handler that is installed
// already, a sanitizer's, stays.
void install_crash_handler(const std::string& command);

}  // namespace ring3::harness
