#include "harness/option_values.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <vector>

#include "harness/sim/strategy_names.h"
#include "lib/bits.h"

namespace ring3::harness {
namespace {

constexpr std::array kZoneSetNames = {mm::zone_set_name(mm::kZoneSets[0]),
                                      mm::zone_set_name(mm::kZoneSets[1])};

// What the member `name` of each has, as "A, B, C".
std::string names_of(const auto& things, auto name) {
  std::vector<std::string_view> names;
  std::ranges::transform(things, std::back_inserter(names), name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

Result<std::string> parse_output_path(std::string_view text) {
  if (!text.empty()) return std::string(text);
  return Error{Errc::kInvalidArgument, "needs the name of a file, or - for standard output"};
}

Result<uint64_t> parse_size_between(std::string_view text, uint64_t least, uint64_t most,
                                    std::string_view what) {
  Result<uint64_t> size = parse_size(text);
  if (size && (*size < least || *size > most)) {
    return Error{Errc::kInvalidArgument, fmt::format("{} {} is not possible; use {} to {}", what,
                                                     text, format_size(least), format_size(most))};
  }
  return size;
}

Result<uint64_t> parse_memory(std::string_view text) {
  Result<uint64_t> size =
      parse_size_between(text, mm::kArenaGranule, mm::kMaxArenaBytes, "memory of");
  if (!size) return size;
  // An arena is made of blocks of the highest order; less than one more is rounded up.
  return align_up<uint64_t>(*size, mm::kArenaGranule);
}

std::string page_policy_names() { return names_of(mm::kPagePolicies, &mm::PagePolicy::name); }

std::string persona_names() { return names_of(mm::rules::kPersonas, &mm::rules::Persona::version); }

Result<const mm::PagePolicy*> parse_page_policy(std::string_view text) {
  if (const mm::PagePolicy* policy = mm::page_policy_named(text)) return policy;
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no policy; use one of {}", text, page_policy_names())};
}

Result<const mm::rules::Persona*> parse_persona(std::string_view text) {
  if (const mm::rules::Persona* persona = mm::rules::persona_of(text)) return persona;
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no persona; use one of {}", text, persona_names())};
}

Result<mm::ZoneSet> parse_zone_set(std::string_view text) {
  return one_of<mm::ZoneSet>(kZoneSetNames, "machine's zones")(text);
}

Result<std::string> parse_strategy(std::string_view text) {
  for (const std::string_view name : kStrategyNames) {
    if (text == name) return std::string(text);
  }
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no strategy; use random, pct, pos or surw", text)};
}

void add_json(CLI::App& app, std::string& path) {
  add_parsed(app, "--json", path, parse_output_path,
             "write the report as JSON; - is standard output")
      ->option_text("FILE");
}

namespace {

Result<mm::MemRange> parse_memmap(std::string_view text) {
  const size_t dollar = text.find('$');
  if (dollar != std::string_view::npos) {
    const Result<uint64_t> size = parse_size(text.substr(0, dollar));
    const Result<uint64_t> start = parse_size(text.substr(dollar + 1));
    if (size && start && *size != 0 && *start <= UINT64_MAX - *size) {
      return mm::MemRange{*start, *start + *size};
    }
  }
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no range; write it as '1M$640K', 1M from 640K on", text)};
}

// An option that may be given any number of times; take(text) is the Status of each.
template <class Take>
CLI::Option* add_repeated(CLI::App& app, const std::string& name, Take take,
                          const std::string& about) {
  const auto read = [take, name](const CLI::results_t& texts) {
    for (const std::string& text : texts) {
      const Status taken = take(text);
      if (!taken) throw CLI::ValidationError(name, taken.error().message);
    }
    return true;
  };
  return app.add_option(name, read, about)
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

void add_memmap(CLI::App& app, std::vector<mm::MemRange>& reserved) {
  const auto reserve = [&reserved](std::string_view text) -> Status {
    const Result<mm::MemRange> range = parse_memmap(text);
    if (!range) return range.error();
    reserved.push_back(*range);
    return {};
  };
  add_repeated(app, "--memmap", reserve,
               "reserve SIZE bytes of the arena from START on; no page of them is ever free")
      ->option_text("'SIZE$START'");
}

void add_sysctl(CLI::App& app, mm::VmSettings& vm) {
  add_repeated(
      app, "--sysctl", [&vm](std::string_view text) { return mm::set_vm(vm, text); },
      "set vm.min_free_kbytes, vm.watermark_scale_factor, vm.lowmem_reserve_ratio or "
      "vm.percpu_pagelist_high_fraction")
      ->option_text("vm.NAME=VALUE");
}

}  // namespace ring3::harness
