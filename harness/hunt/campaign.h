#pragma once

// What hunts have found, as lines of JSON: one of kind "finding" for each, and one of kind
// "summary" at the end of a hunt. Many hunts, each of a range of seeds of its own, are a campaign,
// whose lines are put together by what was found. Works in every build.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "lib/result.h"

namespace ring3::harness {

struct FindingRecord {
  std::string ending;     // "failed", "deadlock", "no end"
  std::string signature;  // the same for the same fault
  std::string what;       // is wrong, in words, on one line or more
  std::string target;
  uint64_t seed = 0;  // of the hunt that found it first
  std::string strategy;
  uint64_t count = 1;  // times it was found
  // Of the story, which `ring3 hunt --replay` reads.
  uint64_t operations = 0;
  uint64_t switches = 0;
  uint64_t moves = 0;
  std::string story;
};
// What is printed of it, which --replay reads: what is wrong as comments, then the story.
std::string to_text(const FindingRecord& record);
// A line, with its end.
std::string to_json(const FindingRecord& record);

struct HuntSummary {
  uint64_t hunts = 1;
  uint64_t first_seed = 0;
  uint64_t next_seed = 0;  // the first that was not run
  uint64_t schedules = 0;
  uint64_t steps = 0;
  double seconds = 0;
  double cpu_seconds = 0;
  uint64_t findings = 0;  // signatures
};
std::string to_json(const HuntSummary& summary);

class Campaign {
 public:
  // Adds the lines of one or more hunts. kBadFormat names the line and what is wrong with it, or
  // says that there is no summary at the end, as where a hunt was cut off; then nothing is added.
  Status add(std::string_view lines);

  // By signature: the counts together, and of the stories the one with the fewest operations, then
  // decisions, then the lowest seed.
  const std::map<std::string, FindingRecord>& findings() const { return findings_; }
  // All hunts as one; its seeds are from the lowest to the highest.
  HuntSummary summary() const;

 private:
  void add(const FindingRecord& record);
  void add(const HuntSummary& summary);

  std::map<std::string, FindingRecord> findings_;
  HuntSummary sum_{.hunts = 0};
};

}  // namespace ring3::harness
