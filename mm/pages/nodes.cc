#include "mm/pages/nodes.h"

#include <algorithm>

#include "mm/pages/node_order.h"

namespace ring3::mm {
namespace {

constexpr Pfn kDmaEnd{(uint64_t{16} << 20) / kPageSize};
constexpr Pfn kDma32End{(uint64_t{4} << 30) / kPageSize};

// Of a node with the frames of `part`.
ZoneBorders zone_borders(const PfnRange& part, ZoneSet set) {
  const uint64_t pages = (part.end - part.start).value();
  const Pfn movable(align_up(part.end.value() - pages / 4, kMaxOrder.pages().value()));
  const auto border = [&](Pfn end) { return std::clamp(end, part.start, movable); };
  const bool has_highmem = has_zone(set, ZoneType::kHighmem);
  return {part.start,
          border(kDmaEnd),
          border(has_highmem ? kDmaEnd : kDma32End),
          border(has_highmem ? kHighmemStart : part.end),
          movable,
          part.end};
}

ZonePages pages_of_zones(const ZoneBorders& borders, std::span<const PfnRange> frames) {
  ZonePages pages;
  for (size_t zone = 0; zone < kZones; ++zone) {
    pages[zone] = frames_within(frames, {borders[zone], borders[zone + 1]});
  }
  return pages;
}

unsigned cpus_of_node(const Topology& topology, unsigned node) {
  unsigned cpus = 0;
  for (unsigned cpu = 0; cpu < topology.cpu_ids(); ++cpu) {
    cpus += topology.is_online(cpu) && topology.node_of(cpu) == node;
  }
  return std::max(cpus, 1u);
}

PageCount sum_of(const ZonePages& pages) {
  PageCount total{0};
  for (const PageCount of_zone : pages) total += of_zone;
  return total;
}

}  // namespace

std::vector<Nodes::Part> Nodes::parts_of(PageCount pages, const Memblock& memblock,
                                         const NodesConfig& config) {
  const uint64_t blocks = pages / kMaxOrder.pages();
  const uint64_t nodes =
      std::min({uint64_t{config.topology->node_count()}, uint64_t{Pageblock::kMaxNodes}, blocks});
  const std::vector<PfnRange> free = memblock.free_frames();
  const std::vector<PfnRange> memory = memblock.memory_frames();
  std::vector<Part> parts;
  for (uint64_t node = 0; node < nodes; ++node) {
    const auto start = [&](uint64_t n) {
      return Pfn(0) + kMaxOrder.pages() * (n * blocks / nodes);
    };
    const ZoneBorders borders = zone_borders({start(node), start(node + 1)}, config.zones);
    parts.push_back({borders, pages_of_zones(borders, free), pages_of_zones(borders, memory)});
  }
  return parts;
}

Result<Nodes> Nodes::create(const Memmap& memmap, const Memblock& memblock,
                            const NodesConfig& config, PageEvents& events,
                            LimitedReports& reports) {
  std::vector<Part> parts = parts_of(memmap.page_count(), memblock, config);
  const auto orders = node_orders(*config.topology, static_cast<unsigned>(parts.size()));
  std::vector<PcpNode> pcp_nodes;
  for (unsigned node = 0; node < parts.size(); ++node) {
    pcp_nodes.push_back({parts[node].managed, cpus_of_node(*config.topology, node)});
  }
  std::vector<unsigned> first_nodes;
  for (const std::vector<unsigned>& order : orders) first_nodes.push_back(order.front());
  auto pcp = PcpLists::create(pcp_nodes, first_nodes,
                              {.orders = config.policy->orders_on_cpus,
                               .direct = config.direct,
                               .fraction = config.vm.percpu_pagelist_high_fraction,
                               .zones = config.zones},
                              *config.topology);
  if (!pcp) return pcp.error();
  Nodes nodes(memmap, config, std::move(*pcp), std::move(parts));
  Status created = nodes.create_zones(memblock.free_frames(), config, events, reports);
  if (!created) return created.error();
  nodes.link(orders);
  return nodes;
}

Nodes::Nodes(const Memmap& memmap, const NodesConfig& config, PcpLists pcp, std::vector<Part> parts)
    : memmap_(memmap),
      topology_(config.topology),
      zone_set_(config.zones),
      pcp_(std::move(pcp)),
      parts_(std::move(parts)) {
  for (const Part& part : parts_) lowmem_ += lowmem_pages(part.managed);
}

Status Nodes::create_zones(std::span<const PfnRange> free, const NodesConfig& config,
                           PageEvents& events, LimitedReports& reports) {
  for (unsigned node = 0; node < parts_.size(); ++node) {
    const auto& [borders, managed, present] = parts_[node];
    ZonesOfNode& zones = zones_.emplace_back();
    for (size_t zone = 0; zone < kZones; ++zone) {
      const auto type = static_cast<ZoneType>(zone);
      const Pageblock pageblock(node, type);
      for (Pfn pfn = borders[zone]; pfn < borders[zone + 1]; pfn = pfn + kPageblockOrder.pages()) {
        memmap_.set_pageblock(pfn, pageblock);
      }
      if (borders[zone] == borders[zone + 1]) continue;
      auto created = Zone::create(memmap_,
                                  {.node = node,
                                   .type = type,
                                   .start = borders[zone],
                                   .end = borders[zone + 1],
                                   .present = present[zone],
                                   .free = free,
                                   .managed = managed,
                                   .lowmem = lowmem_,
                                   .vm = config.vm,
                                   .owners = config.owners,
                                   .policy = config.policy,
                                   .pcp = pcp_.of_zone(node, type),
                                   .cpus = cpus_of_node(*config.topology, node),
                                   .topology = config.topology,
                                   .lockdep = config.lockdep},
                                  events, reports);
      if (!created) return created.error();
      zones[zone] = std::move(*created);
    }
  }
  return {};
}

void Nodes::link(const std::vector<std::vector<unsigned>>& orders) {
  all_lists_.resize(orders.size());
  own_lists_.resize(orders.size());
  for (unsigned local = 0; local < orders.size(); ++local) {
    for (size_t highest = 0; highest < kZones; ++highest) {
      std::vector<Zone*>& all = all_lists_[local][highest];
      std::vector<Zone*>& own = own_lists_[local][highest];
      for (const unsigned node : orders[local]) {
        for (size_t zone = highest + 1; zone-- > 0;) {
          Zone* const at = zones_[node][zone].get();
          if (at == nullptr) continue;
          all.push_back(at);
          if (node == local) own.push_back(at);
        }
      }
      all.push_back(nullptr);
      own.push_back(nullptr);
    }
  }
}

Pfn Nodes::take_nolock(Order order, Migratetype type, ZoneType highest, Target target) const {
  for (Zone* const* at = zonelist(target, highest); *at != nullptr; ++at) {
    if ((*at)->spare_racy(order, (*at)->watermarks().min, highest) == 0) continue;
    if (const Pfn head = (*at)->take_nolock(order, type); head != kNoPfn) return head;
  }
  return kNoPfn;
}

void Nodes::count_named(Target target, ZoneType highest, Pfn head) const {
  Zone& zone = zone_of(memmap_.pageblock(head));
  Zone* const asked = first_zone(highest, target);
  const bool is_named = zone.node() == asked->node();
  zone.count_named(target.home, is_named);
  if (!is_named) asked->count_foreign();
}

void Nodes::set_vm(const VmSettings& vm) {
  for_each_zone([&](Zone& zone) { zone.set_vm(parts_[zone.node()].managed, lowmem_, vm); });
}

PageCount Nodes::managed_pages() const {
  PageCount total{0};
  for (const Part& part : parts_) total += sum_of(part.managed);
  return total;
}

PageCount Nodes::free_pages() const {
  PageCount total{0};
  for_each_zone([&](const Zone& zone) { total += zone.free_pages() + zone.pcp_pages_racy(); });
  return total;
}

std::array<uint64_t, kOrders> Nodes::free_blocks() const {
  std::array<uint64_t, kOrders> total{};
  for_each_zone([&](const Zone& zone) {
    const auto blocks = zone.free_blocks();
    for (size_t order = 0; order < kOrders; ++order) total[order] += blocks[order];
  });
  return total;
}

StackCounts Nodes::pcp_counts() const {
  StackCounts total;
  for_each_zone([&](const Zone& zone) { total += zone.pcp_counts(); });
  return total;
}

uint64_t Nodes::taken_directly() const {
  uint64_t total = 0;
  for_each_zone([&](const Zone& zone) { total += zone.taken_directly(); });
  return total;
}

// Of zones that such a machine does not have, nobody is told.
std::vector<ZoneFacts> Nodes::facts(const VmSettings& vm) const {
  std::vector<ZoneFacts> facts;
  for (unsigned node = 0; node < parts_.size(); ++node) {
    for (size_t zone = 0; zone < kZones; ++zone) {
      const auto type = static_cast<ZoneType>(zone);
      if (!has_zone(zone_set_, type)) continue;
      if (zones_[node][zone] != nullptr) {
        facts.push_back(zones_[node][zone]->facts());
        drop_missing_zones(facts.back().protection);
      } else {
        facts.push_back({.node = node,
                         .name = zone_name(type),
                         .marks = watermarks_of(type, parts_[node].managed, lowmem_, vm),
                         .start_pfn = parts_[node].borders[zone].value(),
                         .protection = std::vector<uint64_t>(kZones - 1)});
      }
    }
  }
  add_numa_events(facts);
  return facts;
}

void Nodes::drop_missing_zones(std::vector<uint64_t>& by_zone) const {
  for (size_t zone = kZones; zone-- > 0;) {
    if (!has_zone(zone_set_, static_cast<ZoneType>(zone))) {
      by_zone.erase(by_zone.begin() + static_cast<ptrdiff_t>(zone));
    }
  }
}

// Who named no node asked its CPU's first. What another node served of that is foreign to the
// highest zone of that one.
void Nodes::add_numa_events(std::vector<ZoneFacts>& facts) const {
  for_each_zone([&](const Zone& zone) {
    const auto facts_of = [&](const Zone& of) -> ZoneFacts& {
      return facts[of.node() * (kZones - 1) + zone_number(zone_set_, of.type())];
    };
    ZoneFacts& here = facts_of(zone);
    const std::vector<uint64_t> by_home = zone.allocations_by_home(*topology_);
    for (unsigned home = 0; home < by_home.size(); ++home) {
      const Zone& first = **zonelist({home, home, false}, ZoneType::kMovable);
      const bool is_local = zone.node() == first.node();
      (is_local ? here.numa_hit : here.numa_miss) += by_home[home];
      if (!is_local) facts_of(first).numa_foreign += by_home[home];
      (zone.node() == home ? here.numa_local : here.numa_other) +=
          by_home[home] + zone.named_by(home);
    }
  });
}

size_t Nodes::count_faults() const {
  size_t faults = 0;
  for_each_zone([&](const Zone& zone) { faults += zone.count_faults(); });
  return faults;
}

}  // namespace ring3::mm
