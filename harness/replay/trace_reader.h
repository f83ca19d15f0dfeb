#pragma once

#include <array>
#include <string>
#include <vector>

#include "harness/replay/trace_event.h"
#include "lib/result.h"

namespace ring3::harness {

// A trace in memory.
struct Trace {
  std::vector<TraceEvent> events;   // in the order of the file
  std::vector<std::string> caches;  // names, by TraceEvent::cache

  uint64_t lines = 0;
  uint64_t ignored_lines = 0;
  uint64_t lost_records = 0;  // places where the recorder lost events
  uint64_t unknown_gfp = 0;   // events whose flags we do not know; they count as GFP_KERNEL
  uint64_t broken_lines = 0;
  std::vector<std::string> broken;  // the first few, with line number and reason

  std::array<uint64_t, kTraceEventKinds> by_kind() const;
};

// Reads the text of `path`, plain or gzip; "-" is standard input. Lines that are broken are counted
// and named. kIo when the file cannot be read, kBadFormat when it is cut off or holds no event.
Result<Trace> read_trace(const std::string& path);

}  // namespace ring3::harness
