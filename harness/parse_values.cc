#include "harness/parse_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <span>

#include "lib/prng.h"

namespace ring3::harness {
namespace {

struct Unit {
  std::string_view suffix;
  uint64_t factor;
};

constexpr std::array<Unit, 5> kSizeUnits{
    {{"T", 1ull << 40}, {"G", 1ull << 30}, {"M", 1ull << 20}, {"K", 1ull << 10}, {"", 1}}};
constexpr std::array<Unit, 4> kTimeUnits{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};  // in milliseconds

std::optional<uint64_t> parse_number(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

// `text` split after its leading digits.
std::pair<std::string_view, std::string_view> split_unit(std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  return {text.substr(0, digits), text.substr(digits)};
}

// The number times the factor of the unit called `suffix`; nothing for an unknown unit, a missing
// number or a product above `limit`.
std::optional<uint64_t> scale(std::string_view digits, std::string_view suffix,
                              std::span<const Unit> units, uint64_t limit) {
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.suffix == suffix; });
  const std::optional<uint64_t> number = parse_number(digits, 10);
  if (unit == units.end() || !number || *number > limit / unit->factor) return {};
  return *number * unit->factor;
}

}  // namespace

Result<uint64_t> parse_count(std::string_view text, uint64_t least, uint64_t most) {
  const std::optional<uint64_t> number = parse_number(text, 10);
  if (number && *number >= least && *number <= most) return *number;
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is not a number from {} to {}", text, least, most)};
}

Result<uint64_t> parse_size(std::string_view text) {
  const auto [digits, suffix] = split_unit(text);
  const auto bytes = scale(digits, suffix, kSizeUnits, std::numeric_limits<uint64_t>::max());
  if (bytes) return *bytes;
  return Error{
      Errc::kInvalidArgument,
      fmt::format("'{}' is not a size below 16E; write it as 4096, 512K, 256M, 2G or 1T", text)};
}

std::string format_size(uint64_t bytes) {
  for (const Unit& unit : kSizeUnits) {
    if (bytes % unit.factor == 0 && bytes >= unit.factor) {
      return fmt::format("{}{}", bytes / unit.factor, unit.suffix);
    }
  }
  return "0";
}

Result<Nanos> parse_duration(std::string_view text) {
  constexpr uint64_t kLimit = uint64_t{366} * 24 * 3'600'000;
  const auto [digits, suffix] = split_unit(text);
  const auto ms = scale(digits, suffix.empty() ? "s" : suffix, kTimeUnits, kLimit);
  if (ms && *ms > 0) return milliseconds(static_cast<int64_t>(*ms));
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is not a duration from 1ms to 366 days; write it as 500ms, 30s, "
                           "5m or 2h",
                           text)};
}

std::string format_duration(Nanos duration) {
  const auto ms = static_cast<uint64_t>(duration / milliseconds(1));
  for (const Unit& unit : kTimeUnits) {
    if (ms % unit.factor == 0) return fmt::format("{}{}", ms / unit.factor, unit.suffix);
  }
  return fmt::format("{}ms", ms);
}

Result<uint64_t> parse_seed(std::string_view text) {
  if (const auto decimal = parse_number(text, 10)) return *decimal;
  if (text.starts_with("0x")) {
    if (const auto hex = parse_number(text.substr(2), 16)) return *hex;
  }
  const bool is_hash = text.size() >= 7 && text.size() <= 40 &&
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
