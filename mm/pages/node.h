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
  // is zone Movable. kNoResource when the host refuses their per-CPU lists. All arguments outlive
  // it.
  static Result<Node> create(const Memmap& memmap, lockdep::Lockdep* lockdep,
                             const Topology& topology, PagePolicy policy, PageEvents& events);

  // A block from the zones from `highest` down, the first that has one and in which what mark(zone)
  // gives stays free; nothing stands for no watermark. Null when there is none.
  template <class Mark>
  Page* take(Order order, ZoneType highest, Mark mark) const {
    for (size_t i = static_cast<size_t>(highest) + 1; i-- > 0;) {
      Zone* zone = zones_[i].get();
      if (zone == nullptr) continue;
      const std::optional<PageCount> least = mark(*zone);
      if (least && !zone->watermark_ok_racy(order, *least, highest)) continue;
      if (Page* page = zone->take(order)) return page;
    }
    return nullptr;
  }
  Zone& zone_of(Pfn pfn) const {
    size_t i = kZones - 1;
    while (zones_[i] == nullptr || pfn < zones_[i]->start()) --i;
    return *zones_[i];
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

  // In zone order; null for a zone without pages.
  std::array<std::unique_ptr<Zone>, kZones> zones_;
};

}  // namespace ring3::mm
