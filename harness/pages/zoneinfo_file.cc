#include "harness/pages/zoneinfo_file.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "lib/cpu/topology.h"
#include "lib/lines.h"
#include "lib/numbers.h"

namespace ring3::harness {
namespace {

constexpr std::string_view kNode = "Node ";

class Parser {
 public:
  Result<std::vector<ZoneText>> parse(std::string_view text) {
    while (!text.empty()) {
      ++line_;
      if (Status read = read_line(take_line(text)); !read) return read.error();
    }
    if (zones_.empty()) return wrong("there is no zone in it");
    for (const ZoneText& zone : zones_) {
      if (!zone.values.contains("managed") || zone.protection.empty()) {
        return wrong(fmt::format("zone {} has no size or no protection", zone.name));
      }
    }
    return std::move(zones_);
  }

 private:
  Error wrong(std::string_view what) const {
    return {Errc::kBadFormat, fmt::format("line {}: {}; this is no /proc/zoneinfo", line_, what)};
  }

  Status read_line(std::string_view line) {
    if (line.starts_with(kNode)) return read_zone(line);
    line = trim(line);
    if (line.empty() || line == "per-node stats" || line == "pagesets") return {};
    if (zones_.empty()) return wrong(fmt::format("'{}' belongs to no zone", line.substr(0, 40)));
    if (line.starts_with("protection: (")) return read_protection(line.substr(13));
    const size_t blank = line.find_last_of(" \t");
    const std::optional<uint64_t> value =
        blank == std::string_view::npos ? std::nullopt : whole_number(line.substr(blank + 1));
    if (!value) return wrong(fmt::format("'{}' has no number at its end", line.substr(0, 40)));
    std::string_view name = trim(line.substr(0, blank));
    // A CPU's values end in colons; a zone's do not, but for those behind all CPUs.
    const bool colon = name.ends_with(':');
    if (colon) name.remove_suffix(1);
    ZoneText& zone = zones_.back();
    if (name == "cpu") {
      zone.pagesets.emplace_back();
    } else if (colon && name != "node_unreclaimable" && name != "start_pfn" &&
               !zone.pagesets.empty()) {
      zone.pagesets.back().emplace(name, *value);
    } else {
      zone.values.emplace(name, *value);
    }
    return {};
  }

  Status read_zone(std::string_view line) {
    constexpr std::string_view kZone = ", zone ";
    const size_t at = line.find(kZone);
    if (at == std::string_view::npos) return wrong("a node without a zone");
    const std::string_view number = line.substr(0, at).substr(kNode.size());
    const auto node = whole_number(number);
    if (!node || *node >= Topology::kMaxNodes) {
      return wrong(fmt::format("'{}' is no node's number", number.substr(0, 40)));
    }
    zones_.emplace_back().node = static_cast<unsigned>(*node);
    zones_.back().name = trim(line.substr(at + kZone.size()));
    return {};
  }

  Status read_protection(std::string_view list) {
    const size_t end = list.find(')');
    if (end == std::string_view::npos) return wrong("a protection without an end");
    list = list.substr(0, end);
    while (!list.empty()) {
      const size_t comma = list.find(',');
      const auto value = whole_number(trim(list.substr(0, comma)));
      if (!value) return wrong("a protection that is no number");
      zones_.back().protection.push_back(*value);
      list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return {};
  }

  std::vector<ZoneText> zones_;
  size_t line_ = 0;
};

}  // namespace

Result<std::vector<ZoneText>> parse_zoneinfo(std::string_view text) { return Parser().parse(text); }

}  // namespace ring3::harness
