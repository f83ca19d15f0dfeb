#pragma once

#include <nlohmann/json.hpp>

#include "harness/replay/replay.h"

namespace ring3::harness {

// The report for machines; `schema_version` changes when a field's meaning does.
nlohmann::ordered_json replay_json(const ReplayReport& report);

}  // namespace ring3::harness
