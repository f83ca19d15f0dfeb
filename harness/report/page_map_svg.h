#pragma once

#include <string>

#include "harness/replay/replay.h"

namespace ring3::harness {

// How memory lay while a trace was replayed, as a picture: a column a moment, a row a pageblock,
// coloured by who uses it and how much of it, the policies one above the other.
std::string page_map_svg(const ReplayReport& report);

}  // namespace ring3::harness
