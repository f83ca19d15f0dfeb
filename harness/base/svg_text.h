#pragma once

#include <string>
#include <string_view>

namespace ring3::harness {

// `text` as it may stand in an SVG element or attribute.
std::string svg_escaped(std::string_view text);

}  // namespace ring3::harness
