#pragma once

// The lists of free blocks that each CPU keeps, of every zone of every node, migratetype and order,
// and the shortest way to the one that a request or a free is for.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/cpu/percpu_stack.h"
#include "mm/pages/gfp.h"
#include "mm/pages/page_units.h"
#include "mm/pages/pageblock.h"
#include "mm/pages/watermark.h"

namespace ring3::mm {

using PcpList = PerCpuStack<Frame>;

// The most blocks of `order` that one of `cpus` CPUs keeps of a zone of `managed` pages; 0 where
// its share is too small for two. `fraction` is vm.percpu_pagelist_high_fraction.
uint32_t pcp_high(PageCount managed, unsigned cpus, Order order, uint64_t fraction = 0);

// How many of them are refilled and flushed at a time: half, up to kMaxPcpBatch.
inline constexpr uint32_t kMaxPcpBatch = 128;
constexpr uint32_t pcp_batch(uint32_t high) { return std::min(high / 2, kMaxPcpBatch); }

// A node with memory, as its lists are sized by.
struct PcpNode {
  ZonePages managed;
  unsigned cpus;  // of its own, 1 at least
};

class PcpLists {
 public:
  struct Config {
    uint32_t orders;    // CPUs keep blocks of those whose bits are set
    bool direct;        // false: every pop() and push() is refused
    uint64_t fraction;  // as of pcp_high()
    ZoneSet zones;
  };
  // `nodes` are those with memory, and `first_nodes` has for each node of the topology the one that
  // its CPUs ask first. kNoResource when the host refuses memory.
  static Result<PcpLists> create(std::span<const PcpNode> nodes,
                                 std::span<const unsigned> first_nodes, const Config& config,
                                 const Topology& topology);

  // By type and order; of those that CPUs do not keep, with room for nothing.
  std::span<PcpList> of_zone(unsigned node, ZoneType zone) {
    return std::span(lists_).subspan(index_of(node, zone), kListsOfZone);
  }

  // The node of the CPU that the caller runs on, or was on a moment ago.
  unsigned home() const { return nodes_ == 1 ? 0 : home_of_many(); }
  // What belongs to the highatomic reserve is on the list of what is movable.
  static constexpr size_t index_in_zone(Order order, Migratetype type) {
    if (type == Migratetype::kHighatomic) type = Migratetype::kMovable;
    return static_cast<size_t>(type) * kOrders + order.value();
  }
  static constexpr Order order_of_index(size_t index) {
    return Order(static_cast<unsigned>(index % kOrders));
  }

  // Pops from this CPU's list of the zone that requests like this one are served from. False when
  // there is nothing on it, and for a request that contradicts itself; then, the zones are to be
  // asked. So is it with push(), of a block whose head lies in `pageblock`. order < kColumns.
  static constexpr unsigned kColumns = 16;
  [[gnu::always_inline]] bool pop(Gfp gfp, Order order, Frame& head) {
    AtomicRef<uint32_t> list(row_of(home(), gfp)[order.value()]);
    return sequences_.pop(list.load(std::memory_order_relaxed), head);
  }
  // Requests like this one by CPUs of node `home` are served from the zone of this pageblock from
  // now on, until its list of a CPU is empty: from the highest zone of their own node at first, and
  // from others when that is used up. Relaxed: every list does, only some are the better ones.
  void route(unsigned home, Gfp gfp, Order order, Pageblock served) {
    const Pageblock pageblock = served.with(migratetype_of(gfp));
    const uint32_t list = by_pageblock_[pageblock.byte()][order.value()];
    AtomicRef<uint32_t> route(row_of(home, gfp)[order.value()]);
    if (route.load(std::memory_order_relaxed) != list) route.store(list, std::memory_order_relaxed);
  }
  [[gnu::always_inline]] bool push(Pageblock pageblock, Pfn head, Order order) const {
    return sequences_.push(by_pageblock_[pageblock.byte()][order.value()],
                           static_cast<Frame>(head.value()));
  }

 private:
  static constexpr unsigned kRows = 32;  // the zone modifiers and kinds of a Gfp: its lowest bits
  using Row = std::array<uint32_t, kColumns>;

  static constexpr size_t kListsOfZone = kRequestTypes * kOrders;
  static_assert(kListsOfZone <= PcpList::kMaxTogether);

  PcpLists(std::vector<PcpList> lists, std::span<const PcpNode> nodes,
           std::span<const unsigned> first_nodes, const Config& config, const Topology& topology);

  static constexpr size_t index_of(unsigned node, ZoneType zone) {
    return (node * kZones + static_cast<size_t>(zone)) * kListsOfZone;
  }
  Row& row_of(unsigned home, Gfp gfp) {
    return by_request_[size_t{home} * kRows + gfp.bits() % kRows];
  }
  unsigned home_of_many() const;

  // Node by node and zone by zone, and one more that refuses everything.
  std::vector<PcpList> lists_;
  PerCpuSequences<Frame> sequences_;
  unsigned nodes_;                 // of the topology
  std::vector<uint16_t> node_of_;  // of each CPU
  // How far from the first list the one is that is meant; where pops and pushes are not direct, the
  // one that refuses everything. Of each node of the topology, a row for each kind of request.
  std::vector<Row> by_request_;
  std::array<Row, Pageblock::kValues> by_pageblock_;
};

}  // namespace ring3::mm
