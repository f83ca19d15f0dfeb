#pragma once

#include <algorithm>
#include <string_view>

namespace ring3 {

// Takes the first line off `text`, which is not empty, and returns it without its end.
constexpr std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// `text` without the blanks in front, and without those on both sides.
constexpr std::string_view trim_left(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(" \t\r"), text.size()));
}
constexpr std::string_view trim(std::string_view text) {
  text = trim_left(text);
  return text.substr(0, text.find_last_not_of(" \t\r") + 1);
}

}  // namespace ring3
