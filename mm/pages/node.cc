#include "mm/pages/node.h"

#include <algorithm>

namespace ring3::mm {
namespace {

constexpr Pfn kDmaEnd{(uint64_t{16} << 20) / kPageSize};
constexpr Pfn kDma32End{(uint64_t{4} << 30) / kPageSize};

// The first frame of each zone, and the end of the last.
std::array<Pfn, kZones + 1> zone_borders(PageCount total) {
  const uint64_t granule = kMaxOrder.pages().value();
  const Pfn end = Pfn(0) + total;
  const Pfn movable(align_up(total.value() - total.value() / 4, granule));
  return {Pfn(0), std::min(kDmaEnd, movable), std::min(kDma32End, movable), movable, end};
}

ZonePages zone_sizes(const std::array<Pfn, kZones + 1>& borders) {
  ZonePages sizes;
  for (size_t zone = 0; zone < kZones; ++zone) sizes[zone] = borders[zone + 1] - borders[zone];
  return sizes;
}

}  // namespace

Result<Node> Node::create(const Memmap& memmap, const PagePolicy& policy, const Topology& topology,
                          lockdep::Lockdep* lockdep, PageEvents& events, LimitedReports& reports) {
  Node node;
  const auto borders = zone_borders(memmap.page_count());
  const ZonePages sizes = zone_sizes(borders);
  for (size_t zone = 0; zone < kZones; ++zone) {
    node.starts_[zone] = borders[zone].value();
    if (sizes[zone] == PageCount(0)) continue;
    auto created = Zone::create(memmap,
                                {.type = static_cast<ZoneType>(zone),
                                 .start = borders[zone],
                                 .end = borders[zone + 1],
                                 .managed = sizes,
                                 .policy = &policy,
                                 .topology = &topology,
                                 .lockdep = lockdep},
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

size_t Node::count_faults() const {
  size_t faults = 0;
  for_each_zone([&](const Zone& zone) { faults += zone.count_faults(); });
  return faults;
}

}  // namespace ring3::mm
