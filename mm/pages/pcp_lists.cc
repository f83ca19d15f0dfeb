#include "mm/pages/pcp_lists.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "mm/pages/kernel_rules.h"

namespace ring3::mm {
namespace {

// What a CPU keeps of one order at most.
constexpr uint64_t kMostBlocks = 512;
constexpr uint64_t kMostPages = 16384;

// What all CPUs keep of a zone, as a share. What is on a list is used again wherever it lies, so
// long lists of small blocks keep memory from being packed, the more the smaller they are; of whole
// pageblocks any one is as good as another, and they may go as far as the kernel's lists do. A
// drain, which comes before a request is refused for want of memory, has it all back.
constexpr uint64_t share_of(Order order) {
  return order <= rules::kCostlyOrder ? 128 : order < kPageblockOrder ? 64 : 8;
}

static_assert((kGfpFlagDma | kGfpFlagHighmem | kGfpFlagDma32 | kGfpFlagMovable |
               kGfpFlagReclaimable) == Gfp(31));

}  // namespace

uint32_t pcp_high(PageCount managed, unsigned cpus, Order order) {
  const uint64_t pages = std::min(managed.value() / share_of(order) / cpus, kMostPages);
  const uint64_t blocks = std::bit_floor(std::min(pages >> order.value(), kMostBlocks));
  return blocks < 2 ? 0 : static_cast<uint32_t>(blocks);
}

Result<PcpLists> PcpLists::create(const ZoneBorders& borders, uint32_t orders, bool direct,
                                  const Topology& topology) {
  std::vector<uint32_t> high(kZones * kOrders + 1);
  for (size_t zone = 0; zone < kZones; ++zone) {
    const PageCount managed = borders[zone + 1] - borders[zone];
    for (Order order(0); order.valid(); order = order.higher()) {
      if ((orders >> order.value() & 1) == 0) continue;
      high[zone * kOrders + order.value()] = pcp_high(managed, topology.online_count(), order);
    }
  }
  auto lists = PcpList::create_together(high, topology);
  if (!lists) return lists.error();
  auto zones = os::reserve(borders.back().value() / kMaxOrder.pages().value(), 1);
  if (!zones) return zones.error();
  return PcpLists(std::move(*lists), std::move(*zones), borders, direct);
}

PcpLists::PcpLists(std::vector<PcpList> lists, os::Reservation zones, const ZoneBorders& borders,
                   bool direct)
    : lists_(std::move(lists)), zones_(std::move(zones)), sequences_(lists_.front()) {
  const uint32_t nowhere = sequences_.distance_to(lists_.back());
  for (Row& row : by_request_) row.fill(nowhere);
  for (Row& row : by_zone_) row.fill(nowhere);
  const auto fill = [&](Row& row, size_t zone) {
    const auto lists_of_zone = of_zone(static_cast<ZoneType>(zone));
    for (size_t order = 0; order < kOrders; ++order) {
      if (direct) row[order] = sequences_.distance_to(lists_of_zone[order]);
    }
  };
  auto* zone_of = reinterpret_cast<uint8_t*>(zones_.base());
  for (size_t zone = 0; zone < kZones; ++zone) {
    fill(by_zone_[zone], zone);
    const uint64_t granule = kMaxOrder.pages().value();
    std::fill(zone_of + borders[zone].value() / granule,
              zone_of + borders[zone + 1].value() / granule, static_cast<uint8_t>(zone));
  }
  for (uint32_t bits = 0; bits < kRows; ++bits) {
    const std::optional<ZoneType> highest = highest_zone(Gfp(bits));
    if (!highest || has_two_migratetypes(Gfp(bits))) continue;
    // The highest that has pages; zone DMA always has.
    auto zone = static_cast<size_t>(*highest);
    while (borders[zone] == borders[zone + 1]) --zone;
    fill(by_request_[bits], zone);
  }
}

}  // namespace ring3::mm
