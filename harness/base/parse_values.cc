#include "harness/base/parse_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <optional>
#include <span>

#include "lib/numbers.h"
#include "lib/prng.h"

namespace ring3::harness {
namespace {

struct Unit {
  std::string_view suffix;  // in small letters
  uint64_t factor;
};

constexpr auto kSizeUnits = std::to_array<Unit>(
    {{"t", 1ull << 40}, {"g", 1ull << 30}, {"m", 1ull << 20}, {"k", 1ull << 10}, {"", 1}});
// In nanoseconds.
constexpr auto kTimeUnits = std::to_array<Unit>({{"d", 86'400'000'000'000},
                                                 {"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000},
                                                 {"ns", 1}});

// "1.5" and "g" of "1.5G"; a blank may stand between.
std::pair<std::string_view, std::string> split_unit(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string_view unit = text.substr(digits);
  if (digits != 0 && unit.starts_with(' ')) unit.remove_prefix(1);
  std::string small(unit);
  std::transform(small.begin(), small.end(), small.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return {text.substr(0, digits), std::move(small)};
}

// The decimal number, up to nine digits behind its point, times `factor`, rounded down; nothing for
// no number or a product above `limit`.
std::optional<uint64_t> scale(std::string_view number, uint64_t factor, uint64_t limit) {
  const size_t point = number.find('.');
  const std::optional<uint64_t> whole = whole_number(number.substr(0, point));
  if (!whole || *whole > limit / factor) return {};
  uint64_t product = *whole * factor;
  if (point != std::string_view::npos) {
    const std::string_view digits = number.substr(point + 1);
    const std::optional<uint64_t> part = whole_number(digits);
    if (!part || digits.size() > 9) return {};
    uint64_t divisor = 1;
    for (size_t i = 0; i < digits.size(); ++i) divisor *= 10;
    const uint64_t fraction =
        static_cast<uint64_t>(static_cast<unsigned __int128>(*part) * factor / divisor);
    if (fraction > limit - product) return {};
    product += fraction;
  }
  return product;
}

std::optional<uint64_t> parse_with_unit(std::string_view number, std::string_view suffix,
                                        std::span<const Unit> units, uint64_t limit) {
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.suffix == suffix; });
  return unit == units.end() ? std::nullopt : scale(number, unit->factor, limit);
}

}  // namespace

Result<uint64_t> parse_count(std::string_view text, uint64_t least, uint64_t most) {
  const std::optional<uint64_t> number = whole_number(text);
  if (number && *number >= least && *number <= most) return *number;
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is not a number from {} to {}", text, least, most)};
}

Result<SeedRange> parse_seed_range(std::string_view text) {
  const size_t dots = text.find("..");
  const auto first = whole_number(text.substr(0, dots));
  const auto last = dots == std::string_view::npos ? first : whole_number(text.substr(dots + 2));
  if (first && last && *first <= *last) return SeedRange{.first = *first, .last = *last};
  return Error{
      Errc::kInvalidArgument,
      fmt::format("'{}' is not a range of seeds; write it as 0..9999, the smaller first", text)};
}

Result<uint64_t> parse_size(std::string_view text) {
  auto [number, unit] = split_unit(text);
  if (unit.ends_with("ib")) {
    unit.resize(unit.size() - 2);
  } else if (unit.ends_with('b')) {
    unit.pop_back();
  }
  const auto bytes =
      parse_with_unit(number, unit, kSizeUnits, std::numeric_limits<uint64_t>::max());
  if (bytes) return *bytes;
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is not a size below 16E; write it as 4096, 512K, 256M, 1.5G, "
                           "64MiB or 1T: units are powers of 1024",
                           text)};
}

std::string format_size(uint64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    if (bytes % unit.factor == 0 && bytes >= unit.factor) {
      std::string text = std::to_string(bytes / unit.factor);
      for (const char letter : unit.suffix) text += static_cast<char>(std::toupper(letter));
      return text;
    }
  }
  return "0";
}

Result<Nanos> parse_duration(std::string_view text) {
  constexpr uint64_t kLimit = uint64_t{366} * 86'400'000'000'000;
  const auto [number, unit] = split_unit(text);
  const auto ns = parse_with_unit(number, unit.empty() ? "s" : unit, kTimeUnits, kLimit);
  if (ns && *ns > 0) return Nanos(static_cast<int64_t>(*ns));
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is not a duration from 1ns to 366 days; write it as 500ms, 1.5s, "
                           "30s, 5m, 2h or 1d",
                           text)};
}

std::string format_duration(Nanos duration) {
  if (duration == Nanos(0)) return "0s";
  const char* sign = duration < Nanos(0) ? "-" : "";
  const auto ns = static_cast<uint64_t>(duration < Nanos(0) ? -duration.value() : duration.value());
  for (const Unit& unit : kTimeUnits) {
    if (ns % unit.factor == 0) return fmt::format("{}{}{}", sign, ns / unit.factor, unit.suffix);
  }
  return fmt::format("{}{}ns", sign, ns);
}

Result<uint64_t> parse_seed(std::string_view text) {
  if (const auto decimal = whole_number(text)) return *decimal;
  if (text.starts_with("0x")) {
    if (const auto hex = whole_number(text.substr(2), 16)) return *hex;
  }
  // Digits alone that are no 64-bit number are a number too large, not a hash.
  const bool is_hash = text.find_first_not_of("0123456789") != std::string_view::npos &&
                       text.size() >= 7 && text.size() <= 40 &&
                       text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (!is_hash) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("'{}' is not a seed; use a 64-bit decimal or 0x number, or a git "
                             "commit hash of 7 to 40 digits",
                             text)};
  }
  uint64_t folded = 0;
  for (const char digit : text) {
    folded ^= static_cast<unsigned char>(digit);
    folded = splitmix64(folded);
  }
  return folded;
}

}  // namespace ring3::harness
