#include "mm/pages/pcp_lists.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "lib/cpu/task.h"
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

Result<PcpLists> PcpLists::create(std::span<const PcpNode> nodes,
                                  std::span<const unsigned> first_nodes, const Config& config,
                                  const Topology& topology) {
  std::vector<uint32_t> high(nodes.size() * kZones * kListsOfZone + 1);
  for (unsigned node = 0; node < nodes.size(); ++node) {
    for (size_t zone = 0; zone < kZones; ++zone) {
      const size_t first = index_of(node, static_cast<ZoneType>(zone));
      for (size_t index = 0; index < kListsOfZone; ++index) {
        const Order order = order_of_index(index);
        if ((config.orders >> order.value() & 1) == 0) continue;
        high[first + index] =
            pcp_high(nodes[node].managed[zone], nodes[node].cpus, order, config.fraction);
      }
    }
  }
  auto lists = PcpList::create_together(high, topology);
  if (!lists) return lists.error();
  return PcpLists(std::move(*lists), nodes, first_nodes, config, topology);
}

PcpLists::PcpLists(std::vector<PcpList> lists, std::span<const PcpNode> nodes,
                   std::span<const unsigned> first_nodes, const Config& config,
                   const Topology& topology)
    : lists_(std::move(lists)), sequences_(lists_.front()), nodes_(topology.node_count()) {
  for (unsigned cpu = 0; cpu < topology.cpu_ids(); ++cpu) {
    node_of_.push_back(static_cast<uint16_t>(topology.node_of(cpu)));
  }
  Row nowhere;
  nowhere.fill(sequences_.distance_to(lists_.back()));
  by_request_.resize(size_t{nodes_} * kRows, nowhere);
  by_pageblock_.fill(nowhere);
  if (!config.direct) return;
  const auto fill = [&](Row& row, Pageblock pageblock) {
    const auto lists_of_zone = of_zone(pageblock.node(), pageblock.zone());
    for (Order order(0); order.valid(); order = order.higher()) {
      row[order.value()] =
          sequences_.distance_to(lists_of_zone[index_in_zone(order, pageblock.type())]);
    }
  };
  for (size_t value = 0; value < nodes.size() * kZones * kMigratetypes; ++value) {
    fill(by_pageblock_[value], Pageblock(static_cast<uint8_t>(value)));
  }
  for (unsigned home = 0; home < nodes_; ++home) {
    const unsigned node = first_nodes[home];
    for (uint32_t bits = 0; bits < kRows; ++bits) {
      const std::optional<ZoneType> highest = highest_zone(Gfp(bits), config.zones);
      if (!highest || has_two_migratetypes(Gfp(bits))) continue;
      // The highest that has pages; where none has, the request is for another node.
      auto zone = static_cast<size_t>(*highest);
      while (zone != 0 && nodes[node].managed[zone] == PageCount(0)) --zone;
      fill(row_of(home, Gfp(bits)),
           Pageblock(node, static_cast<ZoneType>(zone), migratetype_of(Gfp(bits))));
    }
  }
}

unsigned PcpLists::home_of_many() const {
  const unsigned cpu = Task::current().cpu();
  return cpu < node_of_.size() ? node_of_[cpu] : 0;
}

}  // namespace ring3::mm
