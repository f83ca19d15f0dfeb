#pragma once

// The text of /proc/zoneinfo, of kernels from 4.x to 7.x and of ring3, as far as it follows from
// sizes and settings.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"

namespace ring3::harness {

struct ZoneText {
  unsigned node = 0;
  std::string name;
  // "min", "managed", "start_pfn" and so on; what a kernel does not print is not there.
  std::map<std::string, uint64_t, std::less<>> values;
  std::vector<uint64_t> protection;
  // Of each CPU: "high_min", "batch", "vm stats threshold" and so on.
  std::vector<std::map<std::string, uint64_t, std::less<>>> pagesets;
};

// kBadFormat names the line when it is no such text or is cut off.
Result<std::vector<ZoneText>> parse_zoneinfo(std::string_view text);

}  // namespace ring3::harness
