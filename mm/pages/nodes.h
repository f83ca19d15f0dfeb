#pragma once

// The nodes of one arena, each with its zones, and the walk over these in which a request is served
// (the kernel's pglist_data and its zonelists).

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "mm/pages/memblock.h"
#include "mm/pages/zone.h"

namespace ring3::mm {

struct NodesConfig {
  const PagePolicy* policy;
  const Topology* topology;
  lockdep::Lockdep* lockdep;
  VmSettings vm{};
  const PageOwners* owners;
  bool direct;  // pages go to CPUs' lists and come from them without the zone
  ZoneSet zones = ZoneSet::kX86_64;
};

// The zones of a node: the first frame of each, and the end of the last; a zone without pages
// begins where the next one does. All are multiples of the largest block.
using ZoneBorders = std::array<Pfn, kZones + 1>;

// Where HighMem begins, on a machine that has it: what is below is mapped directly.
inline constexpr Pfn kHighmemStart{(uint64_t{896} << 20) / kPageSize};

class Nodes {
 public:
  // The nodes of the topology have equal parts of the arena, one after the other by address, the
  // first Pageblock::kMaxNodes of them and no more than there are blocks of the highest order; the
  // others have no memory. Zones by pfn: DMA below 16 MiB, DMA32 below 4 GiB, Normal above, or on a
  // 32-bit machine Normal below 896 MiB and HighMem above; the top quarter of each node's part is
  // zone Movable. kNoResource when the host refuses what they need. All arguments outlive it. What
  // can be allocated is what `memblock` has that is not taken.
  static Result<Nodes> create(const Memmap& memmap, const Memblock& memblock,
                              const NodesConfig& config, PageEvents& events,
                              LimitedReports& reports);

  PcpLists& pcp() { return pcp_; }
  // Those of the topology.
  unsigned count() const { return topology_->node_count(); }

  ZoneType highest_of(Gfp gfp) const { return *highest_zone(gfp, zone_set_); }
  // Whom a request is for.
  struct Target {
    unsigned home;  // the node of its CPU
    unsigned node;  // the one to ask first
    bool only;      // and no other (__GFP_THISNODE)
  };
  Target target_of(Gfp gfp) const {
    const unsigned home = pcp_.home();
    return {home, home, gfp.any(kGfpFlagThisnode)};
  }

  // The head of a block from the zones from `highest` down, node by node, of the first in which
  // what mark(zone) gives stays free, from this CPU's list if that has one; nothing stands for no
  // watermark. For the list of the first zone no mark stands in the way: what lies there is not
  // counted as free. kNoPfn when there is none.
  template <class Mark>
  Pfn take(Order order, Migratetype type, ZoneType highest, Target target, Mark mark) const {
    Zone* const* const list = zonelist(target, highest);
    if (*list == nullptr) return kNoPfn;
    Pfn head = (*list)->take_cached(order, type);
    if (head == kNoPfn && avoids_mixing(**list)) {
      head =
          walk(order, type, highest, zonelist(own_part_of(target), highest), mark, Reach::kWhole);
    }
    if (head == kNoPfn) head = walk(order, type, highest, list, mark, Reach::kMixing);
    if (head != kNoPfn && target.node != target.home) count_named(target, highest, head);
    return head;
  }
  // The heads of blocks of order 0 from the first of these zones, of the first node, in which, with
  // `wanted` pages taken, what mark(zone) gives stays free, from this CPU's list first; returns how
  // many.
  template <class Mark>
  size_t take_bulk(Migratetype type, ZoneType highest, Target target, Mark mark, size_t wanted,
                   std::span<Frame> heads) const {
    for (Zone* const* at = zonelist(own_part_of(target), highest); *at != nullptr; ++at) {
      Zone& zone = **at;
      if (zone.spare_racy(Order(0), *mark(zone), highest) < wanted) continue;
      return zone.take_bulk(type, heads);
    }
    return 0;
  }
  // As take(), down to the min mark, without waiting for anything (Zone::take_nolock).
  Pfn take_nolock(Order order, Migratetype type, ZoneType highest, Target target) const;
  // Where such requests begin; null where the node that must serve them has no such zone.
  Zone* first_zone(ZoneType highest, Target target) const { return *zonelist(target, highest); }
  Zone& zone_of(Pageblock pageblock) const {
    return *zones_[pageblock.node()][static_cast<size_t>(pageblock.zone())];
  }
  // Calls visit(Zone&) with each zone, node by node, from the lowest up.
  template <class Visit>
  void for_each_zone(Visit visit) const {
    for (const auto& of_node : zones_) {
      for (const auto& zone : of_node) {
        if (zone != nullptr) visit(*zone);
      }
    }
  }

  // How much is kept back from now on. Callers exclude each other.
  void set_vm(const VmSettings& vm);

  // Sums over the zones.
  PageCount managed_pages() const;
  PageCount free_pages() const;
  std::array<uint64_t, kOrders> free_blocks() const;
  StackCounts pcp_counts() const;
  uint64_t taken_directly() const;
  // Of every zone that such a machine has, node by node with memory, those without pages too, which
  // have marks by `vm`.
  std::vector<ZoneFacts> facts(const VmSettings& vm) const;
  size_t count_faults() const;

 private:
  using ZonesOfNode = std::array<std::unique_ptr<Zone>, kZones>;  // null for one without pages
  // The zones that a request may use, by its highest, from that down; null ends each list.
  using Zonelists = std::array<std::vector<Zone*>, kZones>;
  // Of one node: where its memory lies.
  struct Part {
    ZoneBorders borders;
    ZonePages managed;
    ZonePages present;
  };

  Nodes(const Memmap& memmap, const NodesConfig& config, PcpLists pcp, std::vector<Part> parts);

  static std::vector<Part> parts_of(PageCount pages, const Memblock& memblock,
                                    const NodesConfig& config);
  Status create_zones(std::span<const PfnRange> free, const NodesConfig& config, PageEvents& events,
                      LimitedReports& reports);
  void link(const std::vector<std::vector<unsigned>>& orders);

  static Target own_part_of(Target target) { return {target.home, target.node, true}; }
  Zone* const* zonelist(Target target, ZoneType highest) const {
    const auto& lists = target.only ? own_lists_ : all_lists_;
    return lists[target.node][static_cast<size_t>(highest)].data();
  }
  template <class Mark>
  static Pfn walk(Order order, Migratetype type, ZoneType highest, Zone* const* first, Mark mark,
                  Reach reach) {
    for (Zone* const* at = first; *at != nullptr; ++at) {
      Zone& zone = **at;
      const std::optional<PageCount> least = mark(zone);
      const uint64_t spare = least ? zone.spare_racy(order, *least, highest) : UINT64_MAX;
      if (spare == 0) continue;
      Pfn head = at != first ? zone.take_cached(order, type) : kNoPfn;
      if (head == kNoPfn) head = zone.take(order, type, reach, spare);
      if (head != kNoPfn) return head;
    }
    return kNoPfn;
  }
  // A request that zone Normal serves first goes to DMA32 of the same node, if there is one, before
  // it mixes contents of two types in a pageblock (alloc_flags_nofragment).
  bool avoids_mixing(const Zone& first) const {
    return first.type() == ZoneType::kNormal &&
           zones_[first.node()][static_cast<size_t>(ZoneType::kDma32)] != nullptr;
  }
  [[gnu::cold]] void count_named(Target target, ZoneType highest, Pfn head) const;
  void add_numa_events(std::vector<ZoneFacts>& facts) const;
  void drop_missing_zones(std::vector<uint64_t>& by_zone) const;

  Memmap memmap_;
  const Topology* topology_;
  ZoneSet zone_set_;
  PcpLists pcp_;
  std::vector<Part> parts_;
  PageCount lowmem_{0};  // pages of zones up to Normal, of all nodes
  std::vector<ZonesOfNode> zones_;
  // By node of the topology.
  std::vector<Zonelists> all_lists_;
  std::vector<Zonelists> own_lists_;
};

}  // namespace ring3::mm
