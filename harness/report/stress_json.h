#pragma once

#include <nlohmann/json.hpp>

#include "harness/stress/stress_report.h"

namespace ring3::harness {

// The report for machines. `schema_version` changes when a field's meaning does; seeds and other
// 64-bit names are strings, since JSON readers keep 53 bits.
nlohmann::ordered_json stress_json(const StressReport& report);

}  // namespace ring3::harness
