#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "harness/heap/heap_text.h"

namespace ring3::harness {
namespace {

constexpr size_t kInner = 22;  // characters between the walls of a box

// "12K", "3G", "128T": to people, with at most one digit behind the point.
std::string about(uint64_t bytes) {
  constexpr std::string_view kUnits = "BKMGTPE";
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return value < 10 && value != static_cast<double>(static_cast<int>(value))
             ? fmt::format("{:.1f}{}", value, kUnits[unit])
             : fmt::format("{:.0f}{}", value, kUnits[unit]);
}

std::string edge(uint64_t address) { return fmt::format("{:>16x} +{:->{}}+", address, "", kInner); }
std::string inside(std::string_view name, std::string_view size) {
  return fmt::format("{:>16} |{:<{}}|", "", fmt::format(" {:<12}{:>8}", name, size), kInner);
}
std::string between(uint64_t bytes) {
  return fmt::format("{:>16} {:^{}}", "", ". " + about(bytes) + " .", kInner + 2);
}

// One process, from its highest address down.
std::vector<std::string> column_of(const mm::ProcessLayout& layout) {
  std::vector<std::string> lines{fmt::format("{:>16} {:^{}}", "", layout.name, kInner + 2)};
  const std::vector<mm::Segment>& segments = layout.segments;
  for (size_t i = segments.size(); i > 0; --i) {
    const mm::Segment& segment = segments[i - 1];
    const bool is_top = i == segments.size();
    if (is_top || segments[i].begin != segment.end) lines.push_back(edge(segment.end));
    const char* grows = segment.kind == mm::SegmentKind::kHeap    ? " ^"
                        : segment.kind == mm::SegmentKind::kStack ? " v"
                        : segment.kind == mm::SegmentKind::kMmap  ? " v"
                                                                  : "";
    lines.push_back(
        inside(std::string(to_string(segment.kind)) + grows, about(segment.size_bytes())));
    lines.push_back(edge(segment.begin));
    const uint64_t below = i > 1 ? segments[i - 2].end : 0;
    if (below != segment.begin) lines.push_back(between(segment.begin - below));
  }
  return lines;
}

}  // namespace

std::string layout_text(const std::vector<mm::ProcessLayout>& layouts) {
  std::vector<std::vector<std::string>> columns;
  size_t height = 0;
  for (const mm::ProcessLayout& layout : layouts) {
    columns.push_back(column_of(layout));
    height = std::max(height, columns.back().size());
  }
  std::string text;
  for (size_t line = 0; line < height; ++line) {
    std::string row;
    for (const std::vector<std::string>& column : columns) {
      row += fmt::format("{:<{}}  ", line < column.size() ? column[line] : "", kInner + 19);
    }
    text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
  }
  for (const mm::ProcessLayout& layout : layouts) {
    fmt::format_to(std::back_inserter(text), "{}: a process has the {} below {:x}\n", layout.name,
                   about(layout.task_size), layout.task_size);
  }
  return text;
}

}  // namespace ring3::harness
