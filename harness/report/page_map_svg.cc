#include "harness/report/page_map_svg.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <string_view>

#include "harness/base/parse_values.h"
#include "harness/base/svg_text.h"

namespace ring3::harness {
namespace {

constexpr unsigned kLeft = 90;
constexpr unsigned kTop = 60;
constexpr unsigned kColumnWidth = 10;
constexpr unsigned kPanelHeight = 400;
constexpr unsigned kPanelGap = 60;
constexpr unsigned kWidth = kLeft + kReplaySamples * kColumnWidth + 30;

struct Colour {
  std::string_view about;
  std::string_view value;
};
// By what uses a pageblock; the last is of several.
constexpr std::array<Colour, 4> kColours{{{"unmovable", "#c0392b"},
                                          {"movable", "#2471a3"},
                                          {"reclaimable", "#1e8449"},
                                          {"mixed", "#7d3c98"}}};
constexpr size_t kMixed = kColours.size() - 1;
constexpr unsigned kLevels = 4;  // of fullness

// Index of a colour and level; kEmpty for a pageblock that nobody uses.
constexpr size_t kClasses = kColours.size() * kLevels;
constexpr size_t kEmpty = kClasses;

size_t class_of(const PageblockUse& use) {
  if (use.used == 0) return kEmpty;
  size_t colour = kMixed;
  for (size_t type = 0; type < kMixed; ++type) {
    if (use.types == 1u << type) colour = type;
  }
  const size_t level = (use.used - 1u) * kLevels / mm::kPageblockFrames;
  return colour * kLevels + level;
}

std::string style_of(size_t index) {
  const double opacity = static_cast<double>(index % kLevels + 1) / kLevels;
  return fmt::format("fill=\"{}\" fill-opacity=\"{}\"", kColours[index / kLevels].value, opacity);
}

// A path for each class, of runs of columns in which a pageblock is of it, in columns and rows.
std::array<std::string, kClasses> paths_of(const std::vector<PageMapSlice>& slices) {
  std::array<std::string, kClasses> paths;
  const size_t rows = slices.front().pageblocks.size();
  for (size_t row = 0; row < rows; ++row) {
    for (size_t begin = 0; begin < slices.size();) {
      const size_t index = class_of(slices[begin].pageblocks[row]);
      size_t end = begin + 1;
      while (end < slices.size() && class_of(slices[end].pageblocks[row]) == index) ++end;
      if (index != kEmpty) {
        fmt::format_to(std::back_inserter(paths[index]), "M{} {}h{}v1h-{}z", begin, row,
                       end - begin, end - begin);
      }
      begin = end;
    }
  }
  return paths;
}

void add_panel(std::string& svg, const PolicyResult& result, unsigned top) {
  const size_t rows = result.slices.front().pageblocks.size();
  const unsigned width = kReplaySamples * kColumnWidth;
  fmt::format_to(
      std::back_inserter(svg),
      "<text x=\"{}\" y=\"{}\">{}: {} refused, {:.1f} % of the possible free 2 MiB blocks are "
      "whole, {:.1f} % of the pageblocks in use are mixed (means over time)</text>\n"
      "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#f4f4f4\" stroke=\"#888\"/>\n"
      "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">0</text>\n"
      "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n"
      "<g transform=\"translate({} {}) scale({} {})\" shape-rendering=\"crispEdges\">\n",
      kLeft, top - 8, svg_escaped(result.policy->name), result.failed_allocs,
      result.whole_percent(), result.mixed_percent(), kLeft, top, width, kPanelHeight, kLeft - 6,
      top + 10, kLeft - 6, top + kPanelHeight, format_size(rows * mm::kPageblockOrder.bytes()),
      kLeft, top, kColumnWidth, static_cast<double>(kPanelHeight) / static_cast<double>(rows));
  const auto paths = paths_of(result.slices);
  for (size_t index = 0; index < kClasses; ++index) {
    if (paths[index].empty()) continue;
    fmt::format_to(std::back_inserter(svg), "<path {} d=\"{}\"/>\n", style_of(index), paths[index]);
  }
  svg += "</g>\n";
}

void add_legend(std::string& svg, unsigned top) {
  constexpr unsigned kSwatch = 16;
  unsigned x = kLeft;
  for (size_t colour = 0; colour < kColours.size(); ++colour) {
    for (unsigned level = 0; level < kLevels; ++level, x += kSwatch) {
      fmt::format_to(std::back_inserter(svg),
                     "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"12\" {}/>\n", x, top, kSwatch,
                     style_of(colour * kLevels + level));
    }
    fmt::format_to(std::back_inserter(svg), "<text x=\"{}\" y=\"{}\">{}</text>\n", x + 6, top + 11,
                   kColours[colour].about);
    x += 110;
  }
  fmt::format_to(std::back_inserter(svg),
                 "<text x=\"{}\" y=\"{}\">from a quarter full to full; grey: free</text>\n", x,
                 top + 11);
}

}  // namespace

std::string page_map_svg(const ReplayReport& report) {
  const auto panels = static_cast<unsigned>(report.results.size());
  const unsigned legend = kTop + panels * (kPanelHeight + kPanelGap);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" "
      "font-family=\"sans-serif"
      "\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"{}\" y=\"22\" font-size=\"15\">Pageblocks of {} from address 0 down, over {} "
      "steps of {}</text>\n",
      kWidth, legend + 40, kLeft, format_size(report.memory_bytes), report.steps,
      svg_escaped(report.options.path));
  for (unsigned i = 0; i < panels; ++i) {
    add_panel(svg, report.results[i], kTop + i * (kPanelHeight + kPanelGap));
  }
  add_legend(svg, legend - 20);
  return svg + "</svg>\n";
}

}  // namespace ring3::harness
