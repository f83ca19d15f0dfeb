#pragma once

// A node: the zones of one arena, and the walk over them in which a request is served (the kernel's
// pglist_data and its zonelist).

#include <array>
#include <memory>
#include <optional>

#include "mm/pages/zone.h"

namespace ring3::mm {

class Node {
 public:
  // Zones by pfn: DMA below 16 MiB, DMA32 below 4 GiB, Normal above; the top quarter of the memory
  // is zone Movable. kNoResource when the host refuses what they need. All arguments outlive it.
  static Result<Node> create(const Memmap& memmap, const PagePolicy& policy,
                             const Topology& topology, lockdep::Lockdep* lockdep,
                             PageEvents& events, LimitedReports& reports);

  // The head of a block from this CPU's list of zone `highest`; false when that has none. No mark
  // stands in the way: what lies there is not counted as free.
  bool take_cached(Order order, ZoneType highest, Frame& head) const {
    return (*zonelist(highest))->take_cached(order, head);
  }
  // A block from the zones from `highest` down, of the first in which what mark(zone) gives stays
  // free, from this CPU's list if that has one; nothing stands for no watermark.
  template <class Mark>
  bool take(Order order, ZoneType highest, Mark mark, Frame& head) const {
    for (Zone* const* zone = zonelist(highest); *zone != nullptr; ++zone) {
      const std::optional<PageCount> least = mark(**zone);
      const uint64_t spare = least ? (*zone)->spare_racy(order, *least, highest) : UINT64_MAX;
      if (spare == 0) continue;
      if ((*zone)->take_cached(order, head) || (*zone)->take(order, spare, head)) return true;
    }
    return false;
  }
  Zone& zone_of(Frame frame) const {
    return *zones_[size_t{frame >= starts_[1]} + size_t{frame >= starts_[2]} +
                   size_t{frame >= starts_[3]}];
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
  Node() = default;

  Zone* const* zonelist(ZoneType highest) const {
    return zonelists_[static_cast<size_t>(highest)].data();
  }

  // In zone order; null for a zone without pages.
  std::array<std::unique_ptr<Zone>, kZones> zones_;
  // The first frame of each zone; of one without pages, that of the next.
  std::array<uint64_t, kZones> starts_{};
  // The zones that a request may use, by its highest, from that down; null ends each list.
  std::array<std::array<Zone*, kZones + 1>, kZones> zonelists_{};
};

}  // namespace ring3::mm
