#include "harness/pages/zoneinfo_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "harness/pages/zoneinfo_file.h"

namespace ring3::harness {
namespace {

using mm::PageCount;
using mm::ZoneType;

std::optional<ZoneType> zone_named(std::string_view name) {
  for (size_t zone = 0; zone < mm::kZones; ++zone) {
    const auto type = static_cast<ZoneType>(zone);
    if (name == mm::zone_name(type)) return type;
  }
  return std::nullopt;
}

uint64_t in_kib(uint64_t pages) { return pages * mm::kPageSize / 1024; }

class Check {
 public:
  explicit Check(const std::vector<ZoneText>& zones) : zones_(zones) {
    for (const ZoneText& zone : zones) {
      if (const auto type = zone_named(zone.name)) {
        managed_[zone.node][static_cast<size_t>(*type)] =
            PageCount(zone.values.find("managed")->second);
      }
      cpus_ = std::max(cpus_, static_cast<unsigned>(zone.pagesets.size()));
    }
    for (const auto& [node, managed] : managed_) lowmem_ += mm::lowmem_pages(managed);
  }

  // So that huge pages do not mix with others: of each zone that has pages two pageblocks, and one
  // for each type to fall back on each other (set_recommended_min_free_kbytes).
  uint64_t khugepaged_kbytes() const {
    uint64_t populated = 0;
    uint64_t lowmem = 0;
    for (const ZoneText& zone : zones_) {
      const auto type = zone_named(zone.name);
      if (!type || *type > ZoneType::kNormal) continue;
      const uint64_t managed = zone.values.find("managed")->second;
      const auto high = zone.values.find("high");
      populated += managed != 0;
      lowmem += high == zone.values.end() ? managed : managed - std::min(managed, high->second);
    }
    constexpr uint64_t kPageblocks = 2 + mm::kRequestTypes * mm::kRequestTypes;
    return in_kib(std::min(mm::kPageblockFrames * populated * kPageblocks, lowmem / 20));
  }
  uint64_t kernel_kbytes() const { return in_kib(mm::min_free_pages(lowmem_).value()); }

  ZoneinfoVerdict check(mm::VmSettings vm, uint64_t min_free_kbytes, std::string_view source) {
    verdict_ = {};
    verdict_.min_free_kbytes = min_free_kbytes;
    verdict_.min_free_source = source;
    vm.min_free_kbytes = min_free_kbytes;
    for (const ZoneText& zone : zones_) check_zone(zone, vm);
    return std::move(verdict_);
  }

 private:
  void compare(const ZoneText& zone, std::string_view field, uint64_t text, uint64_t formula) {
    ++verdict_.fields;
    if (text == formula) return;
    verdict_.differences.push_back(
        fmt::format("{}zone {}: {} is {}, by the formula {}",
                    managed_.size() > 1 ? fmt::format("node {}, ", zone.node) : "", zone.name,
                    field, text, formula));
  }
  // Where the text has the field.
  template <class Values>
  void compare(const ZoneText& zone, const Values& values, std::string_view where,
               std::string_view field, uint64_t formula) {
    const auto value = values.find(field);
    if (value == values.end()) return;
    compare(zone, fmt::format("{}{}", where, field), value->second, formula);
  }

  void check_zone(const ZoneText& zone, const mm::VmSettings& vm) {
    const std::optional<ZoneType> type = zone_named(zone.name);
    if (!type) return;
    const mm::ZonePages& of_node = managed_[zone.node];
    const mm::Watermarks marks = mm::watermarks_of(*type, of_node, lowmem_, vm);
    // A text has what the boost adds in it.
    const auto boost = zone.values.find("boost");
    const uint64_t raised = boost == zone.values.end() ? 0 : boost->second;
    compare(zone, zone.values, "", "min", marks.min.value() + raised);
    compare(zone, zone.values, "", "low", marks.low.value() + raised);
    compare(zone, zone.values, "", "high", marks.high.value() + raised);
    compare(zone, zone.values, "", "promo", marks.promo.value() + raised);
    for (size_t i = 0; i < zone.protection.size(); ++i) {
      const ZoneType highest = zone_at(zone.node, i);
      compare(zone, fmt::format("protection[{}]", i), zone.protection[i],
              mm::lowmem_reserve(*type, highest, of_node, vm).value());
    }
    const PageCount managed = of_node[static_cast<size_t>(*type)];
    const auto [high_min, high_max] = pcp_high(zone, managed, marks.low, vm);
    for (size_t cpu = 0; cpu < zone.pagesets.size(); ++cpu) {
      const auto& set = zone.pagesets[cpu];
      const std::string where = fmt::format("cpu {} ", cpu);
      compare(zone, set, where, "batch", mm::rules::pcp_batch_pages(managed));
      compare(zone, set, where, "high_min", high_min);
      compare(zone, set, where, "high_max", high_max);
      compare(zone, set, where, "vm stats threshold", mm::stat_threshold(managed, cpus_));
    }
  }

  // The i-th zone of those that a node has in the text. What is beyond those that ring3 has, as
  // Device, is empty.
  ZoneType zone_at(unsigned node, size_t i) const {
    ZoneType last = ZoneType::kMovable;
    for (const ZoneText& zone : zones_) {
      if (zone.node != node) continue;
      last = zone_named(zone.name).value_or(ZoneType::kMovable);
      if (i-- == 0) return last;
    }
    return last;
  }

  // The share of a node's CPU. How many the node has of them, a text of several nodes does not say:
  // any number will do.
  mm::rules::PcpHigh pcp_high(const ZoneText& zone, PageCount managed, PageCount low,
                              const mm::VmSettings& vm) const {
    const auto by = [&](unsigned cpus) {
      return mm::rules::pcp_high_pages(managed, low, cpus, vm.percpu_pagelist_high_fraction);
    };
    const unsigned all = std::max(cpus_, 1u);
    if (managed_.size() == 1 || zone.pagesets.empty()) return by(all);
    const auto& set = zone.pagesets.front();
    const auto agrees = [&set](std::string_view field, uint64_t pages) {
      const auto value = set.find(field);
      return value == set.end() || value->second == pages;
    };
    for (unsigned cpus = 1; cpus <= all; ++cpus) {
      const mm::rules::PcpHigh high = by(cpus);
      if (agrees("high_min", high.min) && agrees("high_max", high.max)) return high;
    }
    return by(all);
  }

  const std::vector<ZoneText>& zones_;
  std::map<unsigned, mm::ZonePages> managed_;  // by node
  PageCount lowmem_{0};                        // of all nodes
  unsigned cpus_ = 0;
  ZoneinfoVerdict verdict_;
};

}  // namespace

Result<ZoneinfoVerdict> check_zoneinfo(std::string_view text, const mm::VmSettings& vm) {
  const Result<std::vector<ZoneText>> zones = parse_zoneinfo(text);
  if (!zones) return zones.error();
  Check check(*zones);
  if (vm.min_free_kbytes) return check.check(vm, *vm.min_free_kbytes, "as given");
  ZoneinfoVerdict by_size = check.check(vm, check.kernel_kbytes(), "by the size of memory");
  if (by_size.differences.empty()) return by_size;
  ZoneinfoVerdict raised = check.check(vm, check.khugepaged_kbytes(), "as khugepaged raises it");
  return raised.differences.size() < by_size.differences.size() ? raised : by_size;
}

}  // namespace ring3::harness
