#include "mm/pages/node.h"

#include <algorithm>

namespace ring3::mm {
namespace {

constexpr Pfn kDmaEnd{(uint64_t{16} << 20) / kPageSize};
constexpr Pfn kDma32End{(uint64_t{4} << 30) / kPageSize};

ZoneBorders zone_borders(PageCount total) {
  const uint64_t granule = kMaxOrder.pages().value();
  const Pfn end = Pfn(0) + total;
  const Pfn movable(align_up(total.value() - total.value() / 4, granule));
  return {Pfn(0), std::min(kDmaEnd, movable), std::min(kDma32End, movable), movable, end};
}

ZonePages pages_of_zones(const ZoneBorders& borders, std::span<const PfnRange> frames) {
  ZonePages pages;
  for (size_t zone = 0; zone < kZones; ++zone) {
    pages[zone] = frames_within(frames, {borders[zone], borders[zone + 1]});
  }
  return pages;
}

}  // namespace

Result<Node> Node::create(const Memmap& memmap, const Memblock& memblock, const NodeConfig& config,
                          PageEvents& events, LimitedReports& reports) {
  const ZoneBorders borders = zone_borders(memmap.page_count());
  const std::vector<PfnRange> free = memblock.free_frames();
  const ZonePages managed = pages_of_zones(borders, free);
  const ZonePages present = pages_of_zones(borders, memblock.memory_frames());
  auto pcp = PcpLists::create(borders, managed, config.policy->orders_on_cpus, config.direct,
                              config.vm.percpu_pagelist_high_fraction, *config.topology);
  if (!pcp) return pcp.error();
  Node node(std::move(*pcp));
  node.borders_ = borders;
  node.managed_ = managed;
  for (size_t zone = 0; zone < kZones; ++zone) {
    const Pageblock pageblock(static_cast<ZoneType>(zone));
    for (Pfn pfn = borders[zone]; pfn < borders[zone + 1]; pfn = pfn + kPageblockOrder.pages()) {
      memmap.set_pageblock(pfn, pageblock);
    }
  }
  for (size_t zone = 0; zone < kZones; ++zone) {
    if (borders[zone] == borders[zone + 1]) continue;
    const auto type = static_cast<ZoneType>(zone);
    auto created = Zone::create(memmap,
                                {.type = type,
                                 .start = borders[zone],
                                 .end = borders[zone + 1],
                                 .present = present[zone],
                                 .free = free,
                                 .managed = managed,
                                 .vm = config.vm,
                                 .owners = config.owners,
                                 .policy = config.policy,
                                 .pcp = node.pcp_.of_zone(type),
                                 .cpus = config.topology->online_count(),
                                 .lockdep = config.lockdep},
                                events, reports);
    if (!created) return created.error();
    node.zones_[zone] = std::move(*created);
  }
  for (size_t highest = 0; highest < kZones; ++highest) {
    Zone** end = node.zonelists_[highest].data();
    for (size_t zone = highest + 1; zone-- > 0;) {
      if (node.zones_[zone] != nullptr) *end++ = node.zones_[zone].get();
    }
  }
  return node;
}

Pfn Node::take_nolock(Order order, Migratetype type, ZoneType highest) const {
  for (Zone* const* at = zonelists_[static_cast<size_t>(highest)].data(); *at != nullptr; ++at) {
    if ((*at)->spare_racy(order, (*at)->watermarks().min, highest) == 0) continue;
    if (const Pfn head = (*at)->take_nolock(order, type); head != kNoPfn) return head;
  }
  return kNoPfn;
}

void Node::set_vm(const VmSettings& vm) {
  for_each_zone([&](Zone& zone) { zone.set_vm(managed_, vm); });
}

PageCount Node::managed_pages() const {
  PageCount total{0};
  for (const PageCount pages : managed_) total += pages;
  return total;
}

PageCount Node::free_pages() const {
  PageCount total{0};
  for_each_zone([&](const Zone& zone) { total += zone.free_pages() + zone.pcp_pages_racy(); });
  return total;
}

std::array<uint64_t, kOrders> Node::free_blocks() const {
  std::array<uint64_t, kOrders> total{};
  for_each_zone([&](const Zone& zone) {
    const auto blocks = zone.free_blocks();
    for (size_t order = 0; order < kOrders; ++order) total[order] += blocks[order];
  });
  return total;
}

StackCounts Node::pcp_counts() const {
  StackCounts total;
  for_each_zone([&](const Zone& zone) { total += zone.pcp_counts(); });
  return total;
}

std::vector<ZoneFacts> Node::facts(const VmSettings& vm) const {
  std::vector<ZoneFacts> facts;
  for (size_t zone = 0; zone < kZones; ++zone) {
    if (zones_[zone] != nullptr) {
      facts.push_back(zones_[zone]->facts());
      continue;
    }
    const auto type = static_cast<ZoneType>(zone);
    facts.push_back({.name = zone_name(type),
                     .marks = watermarks_of(type, managed_, vm),
                     .start_pfn = borders_[zone].value(),
                     .protection = std::vector<uint64_t>(kZones)});
  }
  return facts;
}

size_t Node::count_faults() const {
  size_t faults = 0;
  for_each_zone([&](const Zone& zone) { faults += zone.count_faults(); });
  return faults;
}

}  // namespace ring3::mm
