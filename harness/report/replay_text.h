#pragma once

#include <string>

#include "harness/replay/replay.h"

namespace ring3::harness {

// The report for people.
std::string replay_text(const ReplayReport& report);

}  // namespace ring3::harness
