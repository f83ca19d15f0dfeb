#pragma once

// A node: the zones of one arena, and the walk over them in which a request is served (the kernel's
// pglist_data and its zonelist).

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "mm/pages/memblock.h"
#include "mm/pages/zone.h"

namespace ring3::mm {

struct NodeConfig {
  const PagePolicy* policy;
  const Topology* topology;
  lockdep::Lockdep* lockdep;
  VmSettings vm{};
  const PageOwners* owners;
  bool direct;  // pages go to CPUs' lists and come from them without the zone
};

class Node {
 public:
  // Zones by pfn: DMA below 16 MiB, DMA32 below 4 GiB, Normal above; the top quarter of the memory
  // is zone Movable. kNoResource when the host refuses what they need. All arguments outlive it.
  // What can be allocated is what `memblock` has that is not taken.
  static Result<Node> create(const Memmap& memmap, const Memblock& memblock,
                             const NodeConfig& config, PageEvents& events, LimitedReports& reports);

  PcpLists& pcp() { return pcp_; }

  // The head of a block from the zones from `highest` down, of the first in which what mark(zone)
  // gives stays free, from this CPU's list if that has one; nothing stands for no watermark. For
  // the list of the first zone no mark stands in the way: what lies there is not counted as free.
  // kNoPfn when there is none.
  template <class Mark>
  Pfn take(Order order, Migratetype type, ZoneType highest, Mark mark) const {
    Pfn head = zonelists_[static_cast<size_t>(highest)].front()->take_cached(order, type);
    if (head == kNoPfn && avoids_mixing(highest)) {
      head = walk(order, type, highest, mark, Reach::kWhole);
    }
    return head == kNoPfn ? walk(order, type, highest, mark, Reach::kMixing) : head;
  }
  // The heads of blocks of order 0 from the first of these zones in which, with `wanted` pages
  // taken, what mark(zone) gives stays free, from this CPU's list first; returns how many.
  template <class Mark>
  size_t take_bulk(Migratetype type, ZoneType highest, Mark mark, size_t wanted,
                   std::span<Frame> heads) const {
    for (Zone* const* at = zonelists_[static_cast<size_t>(highest)].data(); *at != nullptr; ++at) {
      Zone& zone = **at;
      if (zone.spare_racy(Order(0), *mark(zone), highest) < wanted) continue;
      return zone.take_bulk(type, heads);
    }
    return 0;
  }
  // As take(), down to the min mark, without waiting for anything (Zone::take_nolock).
  Pfn take_nolock(Order order, Migratetype type, ZoneType highest) const;
  // Where such requests begin.
  ZoneType first_zone(ZoneType highest) const {
    return zonelists_[static_cast<size_t>(highest)].front()->type();
  }
  Zone& zone_of(Pfn pfn) const {
    return *zones_[static_cast<size_t>(pfn >= borders_[1]) +
                   static_cast<size_t>(pfn >= borders_[2]) +
                   static_cast<size_t>(pfn >= borders_[3])];
  }
  // Calls visit(Zone&) with each zone, from the lowest up.
  template <class Visit>
  void for_each_zone(Visit visit) const {
    for (const auto& zone : zones_) {
      if (zone != nullptr) visit(*zone);
    }
  }

  // How much is kept back from now on. Callers exclude each other.
  void set_vm(const VmSettings& vm);

  // Sums over the zones.
  PageCount managed_pages() const;
  PageCount free_pages() const;
  std::array<uint64_t, kOrders> free_blocks() const;
  StackCounts pcp_counts() const;
  // Of every zone, those without pages too, which have marks by `vm`.
  std::vector<ZoneFacts> facts(const VmSettings& vm) const;
  size_t count_faults() const;

 private:
  explicit Node(PcpLists pcp) : pcp_(std::move(pcp)) {}

  template <class Mark>
  Pfn walk(Order order, Migratetype type, ZoneType highest, Mark mark, Reach reach) const {
    Zone* const* const first = zonelists_[static_cast<size_t>(highest)].data();
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
  // A request that zone Normal serves first goes to DMA32, if there is one, before it mixes
  // contents of two types in a pageblock (alloc_flags_nofragment).
  bool avoids_mixing(ZoneType highest) const {
    return highest == ZoneType::kNormal && zones_[static_cast<size_t>(ZoneType::kNormal)] &&
           zones_[static_cast<size_t>(ZoneType::kDma32)];
  }

  PcpLists pcp_;
  // In zone order; null for a zone without pages.
  std::array<std::unique_ptr<Zone>, kZones> zones_;
  ZoneBorders borders_{};
  ZonePages managed_{};
  // The zones that a request may use, by its highest, from that down; null ends each list.
  std::array<std::array<Zone*, kZones + 1>, kZones> zonelists_{};
};

}  // namespace ring3::mm
