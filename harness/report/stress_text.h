#pragma once

#include <string>

#include "harness/stress/stress_report.h"

namespace ring3::harness {

// The report for people: a row a workload, the state of memory in /proc/buddyinfo's and
// /proc/slabinfo's form, with --metrics the counters too, and the verdict.
std::string stress_text(const StressReport& report);

}  // namespace ring3::harness
