#pragma once

// One line of a trace, in any of the three forms they come in:
//
//   perf script:    comm 18854 [000]  1919.379887: kmem:kmalloc: call_site=... ptr=0x... ...
//   tracefs:        comm-18854   [000] .....  1919.379887: kmalloc: call_site=... ptr=...
//   old kernels:    the same with pfn in decimal
//
// The process name in front may hold anything, so a line is read from the right.

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "harness/replay/trace_event.h"

namespace ring3::harness {

// What a line without an event of ours is.
struct IgnoredLine {};  // a comment, another event, a task record
struct LostEvents {};   // the recorder says that it lost some
struct BrokenLine {
  std::string_view reason;  // a literal
};

// An event of a trace, with the names not yet looked up; views point into the line.
struct ParsedEvent {
  TraceEvent event;
  std::string_view cache;  // of kmem_cache events
  std::string_view gfp;    // of allocations; event.gfp is not set
};

using ParsedLine = std::variant<ParsedEvent, IgnoredLine, LostEvents, BrokenLine>;

ParsedLine parse_trace_line(std::string_view line);

}  // namespace ring3::harness
