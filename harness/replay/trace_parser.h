#pragma once

// One line of a trace, in any of the forms that people have:
//
//   perf script:     comm 18854 [000]  1919.379887: kmem:kmalloc: call_site=... ptr=0x... ...
//   tracefs:         comm-18854   [000] .....  1919.379887: kmalloc: call_site=... ptr=...
//   trace-cmd:       the same with other columns, or no time
//   function_graph:  1)               |  /* mm_page_alloc: page=... pfn=... */
//   perf trace:      0.000 comm/18854 kmem:kmalloc(call_site: 0x..., ptr: 0x..., ...)
//   LTTng:           [15:48:30.12] (+0.1) host kmem_kmalloc: { cpu_id = 1 }, { ptr = 0x..., ... }
//
// What all of them have is the event's name and its fields; process, CPU and time may stand in
// front of them or not, and the process name may hold anything. So a line is read from the right.

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "harness/replay/trace_event.h"

namespace ring3::harness {

// What a line without an event of ours is.
struct SkippedLine {
  std::string_view what;  // a literal, or the name of another event, a view into the line
};
struct LostEvents {};  // the recorder says that it lost some
struct BrokenLine {
  std::string_view reason;  // a literal
};

// An event of a trace, with the names not yet looked up; views point into the line.
struct ParsedEvent {
  TraceEvent event;
  std::string_view cache;               // of kmem_cache events
  std::string_view gfp;                 // of allocations; event.gfp is not set
  std::optional<unsigned> migratetype;  // of page allocations
};

using ParsedLine = std::variant<ParsedEvent, SkippedLine, LostEvents, BrokenLine>;

ParsedLine parse_trace_line(std::string_view line);

}  // namespace ring3::harness
