#include "harness/heap/life_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "harness/base/svg_text.h"
#include "lib/bits.h"

namespace ring3::harness {
namespace {

constexpr double kWidth = 900;
constexpr double kHeight = 480;
constexpr double kLeft = 70;
constexpr double kTop = 40;
constexpr size_t kMostOutlined = 1000;  // blocks; of more, the outlines would be all there is

}  // namespace

LifePicture::LifePicture(uint64_t calls)
    : calls_(calls), stride_(std::max<uint64_t>(div_round_up(calls, kMostColumns), 1)) {}

void LifePicture::look(uint64_t call, mm::Heap& heap, const mm::Break& heap_break) {
  if (call % stride_ != 0 && call != calls_) return;
  const uint64_t column = columns_++;
  const std::byte* start = heap_break.start();
  breaks_.push_back(heap_break.size_bytes());
  std::map<size_t, Extent> seen;
  for (const mm::Block* block = heap.first_block(); block != nullptr;
       block = heap.block_after(block)) {
    const auto begin = static_cast<size_t>(reinterpret_cast<const std::byte*>(block) - start);
    const Extent extent{static_cast<size_t>(block->end() - start), block->free != 0, column};
    const auto before = now_.find(begin);
    const bool is_same = before != now_.end() && before->second.end == extent.end &&
                         before->second.is_free == extent.is_free;
    seen.emplace_hint(seen.end(), begin, is_same ? before->second : extent);
    if (is_same) now_.erase(before);
  }
  // What is left of the column before is no more.
  for (const auto& [begin, extent] : now_) {
    spans_.push_back({begin, extent.end, extent.is_free, extent.since, column});
  }
  now_ = std::move(seen);
}

std::string LifePicture::svg(const std::string& title) const {
  std::vector<Span> spans = spans_;
  for (const auto& [begin, extent] : now_) {
    spans.push_back({begin, extent.end, extent.is_free, extent.since, columns_});
  }
  const size_t highest =
      std::max<size_t>(breaks_.empty() ? 0 : *std::ranges::max_element(breaks_), 1);
  const auto x = [&](uint64_t column) {
    return kLeft + kWidth * static_cast<double>(column) /
                       static_cast<double>(std::max<uint64_t>(columns_, 1));
  };
  const auto y = [&](size_t offset) {
    return kTop + kHeight * (1 - static_cast<double>(offset) / static_cast<double>(highest));
  };
  std::string line;  // of the break
  for (size_t column = 0; column < breaks_.size(); ++column) {
    const double height = y(breaks_[column]);
    fmt::format_to(std::back_inserter(line), "{:.1f},{:.1f} {:.1f},{:.1f} ", x(column), height,
                   x(column + 1), height);
  }
  std::string used;
  std::string free;
  for (const Span& span : spans) {
    const double width = x(span.to) - x(span.from);
    fmt::format_to(std::back_inserter(span.is_free ? free : used),
                   "M{:.1f},{:.1f}h{:.1f}v{:.1f}h{:.1f}z", x(span.from), y(span.begin), width,
                   y(span.end) - y(span.begin), -width);
  }
  const bool is_outlined = spans.size() <= kMostOutlined;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
      "<text x=\"{:.0f}\" y=\"22\" font-size=\"15\">{}</text>\n",
      kLeft + kWidth + 20, kTop + kHeight + 60, kLeft, svg_escaped(title));
  // What is below the break and not in use is free.
  fmt::format_to(std::back_inserter(svg),
                 "<polygon fill=\"#f3f4f6\" points=\"{:.1f},{:.1f} {}{:.1f},{:.1f}\"/>\n", x(0),
                 y(0), line, x(columns_), y(0));
  const std::string_view outline =
      is_outlined ? " stroke=\"#6b7280\" stroke-width=\"0.4\"" : std::string_view();
  fmt::format_to(std::back_inserter(svg), "<path fill=\"#3b82f6\"{} d=\"{}\"/>\n", outline, used);
  if (is_outlined) {
    fmt::format_to(std::back_inserter(svg), "<path fill=\"none\"{} d=\"{}\"/>\n", outline, free);
  }
  fmt::format_to(std::back_inserter(svg),
                 "<polyline fill=\"none\" stroke=\"#dc2626\" stroke-width=\"2\" points=\"{}\"/>\n",
                 line);
  fmt::format_to(std::back_inserter(svg),
                 "<text x=\"{0:.0f}\" y=\"{1:.0f}\" text-anchor=\"end\">0</text>\n"
                 "<text x=\"{0:.0f}\" y=\"{2:.0f}\" text-anchor=\"end\">{3}</text>\n"
                 "<text x=\"{4:.0f}\" y=\"{5:.0f}\">calls 1 to {6}</text>\n",
                 kLeft - 6, kTop + kHeight, kTop + 10, highest, kLeft, kTop + kHeight + 20, calls_);
  svg += fmt::format(
      "<g transform=\"translate({:.0f},{:.0f})\">"
      "<rect width=\"14\" height=\"14\" fill=\"#3b82f6\"/><text x=\"20\" y=\"12\">in use</text>"
      "<rect x=\"90\" width=\"14\" height=\"14\" fill=\"#f3f4f6\" stroke=\"#6b7280\"/>"
      "<text x=\"110\" y=\"12\">free</text>"
      "<line x1=\"170\" y1=\"7\" x2=\"190\" y2=\"7\" stroke=\"#dc2626\" stroke-width=\"2\"/>"
      "<text x=\"196\" y=\"12\">the program break</text></g>\n</svg>\n",
      kLeft, kTop + kHeight + 34);
  return svg;
}

}  // namespace ring3::harness
