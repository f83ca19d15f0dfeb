#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace ring3 {

// The number that all of `text` is; nothing when there is anything else in it, a sign or a blank
// for one, or when it does not fit.
template <class Number = uint64_t>
std::optional<Number> whole_number(std::string_view text, int base = 10) {
  Number number;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number, base);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace ring3
