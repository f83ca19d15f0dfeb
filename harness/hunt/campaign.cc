#include "harness/hunt/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <vector>

#include "lib/lines.h"

namespace ring3::harness {
namespace {

using nlohmann::ordered_json;

// The fields of a record and their names, once for both directions.
template <class Record, class Field>
void each_field(Record& r,
                Field field) requires std::is_same_v<std::remove_const_t<Record>, FindingRecord> {
  field("signature", r.signature);
  field("ending", r.ending);
  field("what", r.what);
  field("target", r.target);
  field("seed", r.seed);
  field("strategy", r.strategy);
  field("count", r.count);
  field("operations", r.operations);
  field("switches", r.switches);
  field("moves", r.moves);
  field("story", r.story);
}
template <class Record, class Field>
void each_field(Record& s,
                Field field) requires std::is_same_v<std::remove_const_t<Record>, HuntSummary> {
  field("hunts", s.hunts);
  field("first_seed", s.first_seed);
  field("next_seed", s.next_seed);
  field("schedules", s.schedules);
  field("steps", s.steps);
  field("seconds", s.seconds);
  field("cpu_seconds", s.cpu_seconds);
  field("findings", s.findings);
}

template <class Record>
std::string to_line(const char* kind, const Record& record) {
  ordered_json json{{"kind", kind}};
  each_field(record, [&json](const char* name, const auto& value) { json[name] = value; });
  return json.dump() + "\n";
}

bool is_of(const ordered_json& json, const std::string&) { return json.is_string(); }
bool is_of(const ordered_json& json, uint64_t) { return json.is_number_unsigned(); }
bool is_of(const ordered_json& json, double) { return json.is_number(); }

// Reads every field; what is wrong with the first that is wrong, empty when none is.
template <class Record>
std::string read_fields(const ordered_json& json, Record& record) {
  std::string wrong;
  each_field(record, [&](const char* name, auto& value) {
    const auto found = json.find(name);
    if (found == json.end() || !is_of(*found, value)) {
      if (wrong.empty()) wrong = fmt::format("has no right '{}'", name);
    } else {
      found->get_to(value);
    }
  });
  return wrong;
}

auto cost(const FindingRecord& record) {
  return std::tuple(record.operations, record.switches + record.moves, record.seed);
}

}  // namespace

std::string to_text(const FindingRecord& record) {
  std::string text = fmt::format("# {}: {}\n", record.ending, record.signature);
  std::string_view what = record.what;
  while (!what.empty()) {
    const size_t end = std::min(what.find('\n'), what.size());
    text += fmt::format("#   {}\n", what.substr(0, end));
    what.remove_prefix(std::min(end + 1, what.size()));
  }
  return text +
         fmt::format("# seed {}, strategy {}, found {} time{}\n", record.seed, record.strategy,
                     record.count, record.count == 1 ? "" : "s") +
         record.story;
}

std::string to_json(const FindingRecord& record) { return to_line("finding", record); }
std::string to_json(const HuntSummary& summary) { return to_line("summary", summary); }

Status Campaign::add(std::string_view lines) {
  std::vector<FindingRecord> records;
  std::vector<HuntSummary> summaries;
  bool whole = false;
  for (size_t number = 1; !lines.empty(); ++number) {
    const std::string_view line = take_line(lines);
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto json = ordered_json::parse(line, nullptr, false);
    const std::string kind = json.is_object() && json.contains("kind") && json["kind"].is_string()
                                 ? json["kind"].get<std::string>()
                                 : std::string();
    whole = kind == "summary";
    std::string wrong;
    if (kind == "finding") {
      wrong = read_fields(json, records.emplace_back());
    } else if (kind == "summary") {
      wrong = read_fields(json, summaries.emplace_back());
    } else {
      wrong = "is no line of `ring3 hunt --json`: an object of kind finding or summary";
    }
    if (!wrong.empty()) {
      return Error{Errc::kBadFormat, fmt::format("line {} {}", number, wrong)};
    }
  }
  if (!whole) return Error{Errc::kBadFormat, "ends without a summary: the hunt was cut off"};
  for (const FindingRecord& record : records) add(record);
  for (const HuntSummary& summary : summaries) add(summary);
  return {};
}

void Campaign::add(const FindingRecord& record) {
  const auto [found, is_new] = findings_.emplace(record.signature, record);
  if (is_new) return;
  const uint64_t count = found->second.count + record.count;
  if (cost(record) < cost(found->second)) found->second = record;
  found->second.count = count;
}

void Campaign::add(const HuntSummary& one) {
  sum_.first_seed = sum_.hunts == 0 ? one.first_seed : std::min(sum_.first_seed, one.first_seed);
  sum_.next_seed = std::max(sum_.next_seed, one.next_seed);
  sum_.hunts += one.hunts;
  sum_.schedules += one.schedules;
  sum_.steps += one.steps;
  sum_.seconds += one.seconds;
  sum_.cpu_seconds += one.cpu_seconds;
}

HuntSummary Campaign::summary() const {
  HuntSummary sum = sum_;
  sum.findings = findings_.size();
  return sum;
}

}  // namespace ring3::harness
