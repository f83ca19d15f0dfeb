#pragma once

// Signals as the harness takes them: SIGINT, SIGTERM and SIGHUP end a run cleanly, SIGUSR1 asks for
// the state of memory. What means a crash is crash_handler.h's.

#include "lib/units.h"

namespace ring3::harness {

enum class Signal { kNone, kStop, kDump };

// Blocks the signals that wait_for_signal() takes, in this thread and those it starts later.
void block_signals();
// Waits for one of them, for at most `timeout`.
Signal wait_for_signal(Nanos timeout);

}  // namespace ring3::harness
