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

uint32_t pcp_high(PageCount managed, unsigned cpus, Order order, uint64_t fraction) {
  const uint64_t share = fraction == 0 ? share_of(order) : fraction;
  const uint64_t pages = std::min(managed.value() / share / cpus, kMostPages);
  const uint64_t blocks = std::bit_floor(std::min(pages >> order.value(), kMostBlocks));
  return blocks < 2 ? 0 : static_cast<uint32_t>(blocks);
}

Result<PcpLists> PcpLists::create(const ZoneBorders& borders, const ZonePages& managed,
                                  uint32_t orders, bool direct, uint64_t fraction,
                                  const Topology& topology) {
  std::vector<uint32_t> high(kZones * kListsOfZone + 1);
  for (size_t zone = 0; zone < kZones; ++zone) {
    for (size_t index = 0; index < kListsOfZone; ++index) {
      const Order order = order_of_index(index);
      if ((orders >> order.value() & 1) == 0) continue;
      high[zone * kListsOfZone + index] =
          pcp_high(managed[zone], topology.online_count(), order, fraction);
    }
  }
  auto lists = PcpList::create_together(high, topology);
  if (!lists) return lists.error();
  return PcpLists(std::move(*lists), borders, direct);
}

PcpLists::PcpLists(std::vector<PcpList> lists, const ZoneBorders& borders, bool direct)
    : lists_(std::move(lists)), sequences_(lists_.front()) {
  const uint32_t nowhere = sequences_.distance_to(lists_.back());
  for (Row& row : by_request_) row.fill(nowhere);
  for (Row& row : by_pageblock_) row.fill(nowhere);
  if (!direct) return;
  const auto fill = [&](Row& row, ZoneType zone, Migratetype type) {
    const auto lists_of_zone = of_zone(zone);
    for (Order order(0); order.valid(); order = order.higher()) {
      row[order.value()] = sequences_.distance_to(lists_of_zone[index_in_zone(order, type)]);
    }
  };
  for (size_t value = 0; value < Pageblock::kValues; ++value) {
    const Pageblock pageblock(static_cast<uint8_t>(value));
    fill(by_pageblock_[value], pageblock.zone(), pageblock.type());
  }
  for (uint32_t bits = 0; bits < kRows; ++bits) {
    const std::optional<ZoneType> highest = highest_zone(Gfp(bits));
    if (!highest || has_two_migratetypes(Gfp(bits))) continue;
    // The highest that has pages; zone DMA always has.
    auto zone = static_cast<size_t>(*highest);
    while (borders[zone] == borders[zone + 1]) --zone;
    fill(by_request_[bits], static_cast<ZoneType>(zone), migratetype_of(Gfp(bits)));
  }
}

}  // namespace ring3::mm
