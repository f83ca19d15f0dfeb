#pragma once

// What the options of several commands have in common: how CLI11 is told of an option whose text
// one of our parsers reads, and those parsers. An error is a usage error that says what would do.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "harness/base/parse_values.h"
#include "lib/result.h"
#include "mm/mm.h"

namespace ring3::harness {

// An option whose text one of our parsers reads.
template <class Value, class Parse>
CLI::Option* add_parsed(CLI::App& app, const std::string& name, Value& target, Parse parse,
                        const std::string& about) {
  const auto read = [&target, parse, name](const CLI::results_t& texts) {
    auto value = parse(texts.back());
    if (!value) throw CLI::ValidationError(name, value.error().message);
    target = *value;
    return true;
  };
  return app.add_option(name, read, about);
}

// A parser of an enum's values by their names, which are in its order.
template <class Enum, size_t n>
auto one_of(const std::array<std::string_view, n>& names, std::string_view what) {
  return [&names, what](std::string_view text) -> Result<Enum> {
    const auto* name = std::ranges::find(names, text);
    if (name != names.end()) return static_cast<Enum>(name - names.begin());
    return Error{Errc::kInvalidArgument,
                 fmt::format("'{}' is no {}; use {}", text, what, fmt::join(names, " or "))};
  };
}

// A parser of numbers from `least` to `most`.
template <class Count>
auto count_between(Count least, Count most) {
  return [=](std::string_view text) -> Result<Count> {
    const Result<uint64_t> count = parse_count(text, least, most);
    if (!count) return count.error();
    return static_cast<Count>(*count);
  };
}

// A path, or - for standard output.
Result<std::string> parse_output_path(std::string_view text);
// A size from `least` to `most`, of what `what` begins to say, as in "memory of".
Result<uint64_t> parse_size_between(std::string_view text, uint64_t least, uint64_t most,
                                    std::string_view what);
// The size of an arena.
Result<uint64_t> parse_memory(std::string_view text);
Result<const mm::PagePolicy*> parse_page_policy(std::string_view text);
Result<const mm::rules::Persona*> parse_persona(std::string_view text);
Result<mm::ZoneSet> parse_zone_set(std::string_view text);
// All that these take, for texts: "A, B, C".
std::string page_policy_names();
std::string persona_names();
// The name of one of sim's strategies.
Result<std::string> parse_strategy(std::string_view text);

void add_json(CLI::App& app, std::string& path);
// --memmap, any number of times: what each reserves is added to `reserved`.
void add_memmap(CLI::App& app, std::vector<mm::MemRange>& reserved);
void add_sysctl(CLI::App& app, mm::VmSettings& vm);

}  // namespace ring3::harness
