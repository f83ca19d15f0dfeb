#pragma once

// What follows from the sizes of zones, the number of CPUs and the settings, worked out by ring3's
// formulas and held against what a text of /proc/zoneinfo says.

#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"
#include "mm/mm.h"

namespace ring3::harness {

struct ZoneinfoVerdict {
  uint64_t fields = 0;                   // compared
  std::vector<std::string> differences;  // a line each: zone, field, text, formula
  uint64_t min_free_kbytes = 0;          // that was computed with
  std::string_view min_free_source;      // where it comes from
};

// Marks, protection, sizes of CPUs' lists and thresholds of counters. Where `vm` does not set
// min_free_kbytes, it is what the kernel takes by itself, or what khugepaged raises it to,
// whichever the text agrees with. Errors as of parse_zoneinfo().
Result<ZoneinfoVerdict> check_zoneinfo(std::string_view text, const mm::VmSettings& vm);

}  // namespace ring3::harness
