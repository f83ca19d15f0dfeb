#pragma once

#include <array>
#include <map>
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
  // Lines without an event of ours, by what they are: the name of another event, "comment",
  // "call chain" and so on.
  std::map<std::string, uint64_t, std::less<>> skipped;
  uint64_t lost_records = 0;             // places where the recorder lost events
  uint64_t unknown_gfp = 0;              // events with flags that we do not know, and do not use
  std::vector<std::string> gfp_unknown;  // the first few of those flags
  uint64_t hidden_addresses = 0;         // events whose address the kernel did not show
  uint64_t broken_lines = 0;
  std::vector<std::string> broken;  // the first few, with line number and reason
  bool is_cut = false;              // the file stops in the middle of its compressed data

  std::array<uint64_t, kTraceEventKinds> by_kind() const;
  uint64_t skipped_lines() const;
};

// Reads the text of `path`, plain, gzip, xz, zstd or bzip2; "-" is standard input. Lines that are
// broken are counted and named; a compressed file that was cut gives what it holds. kIo when the
// file cannot be read, kBadFormat when it is damaged, is no text, or holds no event: then the
// message says what its lines are.
Result<Trace> read_trace(const std::string& path);

}  // namespace ring3::harness
