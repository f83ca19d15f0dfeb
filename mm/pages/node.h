#pragma once

// A node: the zones of one arena, and the walk over them in which a request is served (the kernel's
// pglist_data and its zonelist).

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "mm/pages/zone.h"

namespace ring3::mm {

struct NodeConfig {
  const PagePolicy* policy;
  const Topology* topology;
  lockdep::Lockdep* lockdep;
  bool direct;  // pages go to CPUs' lists and come from them without the zone
};

class Node {
 public:
  // Zones by pfn: DMA below 16 MiB, DMA32 below 4 GiB, Normal above; the top quarter of the memory
  // is zone Movable. kNoResource when the host refuses what they need. All arguments outlive it.
  static Result<Node> create(const Memmap& memmap, const NodeConfig& config, PageEvents& events,
                             LimitedReports& reports);

  PcpLists& pcp() { return pcp_; }

  // The head of a block from the zones from `highest` down, of the first in which what mark(zone)
  // gives stays free, from this CPU's list if that has one; nothing stands for no watermark. For
  // the list of the first zone no mark stands in the way: what lies there is not counted as free.
  // kNoPfn when there is none.
  template <class Mark>
  Pfn take(Order order, Migratetype type, ZoneType highest, Mark mark) const {
    Zone* const* const first = zonelists_[static_cast<size_t>(highest)].data();
    Pfn head = (*first)->take_cached(order);
    for (Zone* const* at = first; head == kNoPfn && *at != nullptr; ++at) {
      Zone& zone = **at;
      const std::optional<PageCount> least = mark(zone);
      const uint64_t spare = least ? zone.spare_racy(order, *least, highest) : UINT64_MAX;
      if (spare == 0) continue;
      if (at != first) head = zone.take_cached(order);
      if (head == kNoPfn) head = zone.take(order, type, spare);
    }
    return head;
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

  // Sums over the zones.
  PageCount free_pages() const;
  std::array<uint64_t, kOrders> free_blocks() const;
  StackCounts pcp_counts() const;
  size_t count_faults() const;

 private:
  explicit Node(PcpLists pcp) : pcp_(std::move(pcp)) {}

  PcpLists pcp_;
  // In zone order; null for a zone without pages.
  std::array<std::unique_ptr<Zone>, kZones> zones_;
  ZoneBorders borders_{};
  // The zones that a request may use, by its highest, from that down; null ends each list.
  std::array<std::array<Zone*, kZones + 1>, kZones> zonelists_{};
};

}  // namespace ring3::mm
