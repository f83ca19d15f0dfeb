#pragma once

// The gfp flags of a trace. Kernels from 2.6 to 7.0 have printed them under other names, and newer
// ones have flags that we do not know.

#include <optional>
#include <string_view>

#include "mm/mm.h"

namespace ring3::harness {

struct TraceGfp {
  mm::Gfp gfp;                 // of the parts that are known
  std::string_view unknown{};  // the first part that is not; views the text that was given
};

// Reads "GFP_KERNEL|__GFP_ZERO", "GFP_KERNEL|GFP_ZERO", "0xcc0" or "3264"; numbers are bits of
// Linux 6.12. `migratetype` is what the event says beside the flags, which decides where these do
// not say movable or reclaimable. What cannot be together, two zones, counts as unknown.
TraceGfp parse_trace_gfp(std::string_view text, std::optional<unsigned> migratetype);

}  // namespace ring3::harness
