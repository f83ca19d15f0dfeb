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

}  // namespace ring3
