// Machines of several nodes: in which order they are asked, who gets what from whom, and what the
// counts and texts say of it.

#include "mm/pages/nodes.h"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lib/prng.h"
#include "mm/pages/node_order.h"
#include "mm/pages/page_alloc.h"
#include "tests/lib/cpu/pinned.h"
#include "tests/policy.h"
#include "tests/recording_sink.h"

namespace ring3::mm {
namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;

using Orders = std::vector<std::vector<unsigned>>;

// Whoever runs, CPU 0 of node 0 is his; the other nodes have no CPU.
Topology one_cpu(unsigned nodes) {
  const Topology cpu = std::move(Topology::simulated(1, 1).value());
  return std::move(cpu.with_fake_nodes(nodes).value());
}

struct NodesArena {
  NodesArena(Topology its, uint64_t mib)
      : topology(std::move(its)),
        pages(std::move(PageAllocator::create({.size_bytes = mib * kMib,
                                               .reports = &sink,
                                               .topology = &topology,
                                               .policy = &test::page_policy(),
                                               .failures = nullptr})
                            .value())) {}
  ~NodesArena() {
    pages->drain_all();
    BOOST_TEST(pages->count_faults() == 0u);
    BOOST_TEST(pages->allocated_pages().value() == 0u);
  }

  unsigned node_of(const Page* page) const {
    return pages->memmap().pageblock(pages->pfn_of(page)).node();
  }
  ZoneType zone_of(const Page* page) const {
    return pages->memmap().pageblock(pages->pfn_of(page)).zone();
  }
  Page* take(Gfp gfp, unsigned order = 0) { return pages->alloc_pages(gfp, Order(order)); }
  Page* take_on(unsigned node, Gfp gfp, unsigned order = 0) {
    return pages->alloc_pages_node(node, gfp, Order(order));
  }
  void free(Page* page, unsigned order = 0) { pages->free_pages(page, Order(order)); }
  // Sums of a node's zones.
  ZoneFacts facts_of(unsigned node) const {
    ZoneFacts sum;
    for (const ZoneFacts& zone : pages->zone_facts()) {
      if (zone.node != node) continue;
      sum.managed += zone.managed;
      sum.numa_hit += zone.numa_hit;
      sum.numa_miss += zone.numa_miss;
      sum.numa_foreign += zone.numa_foreign;
      sum.numa_local += zone.numa_local;
      sum.numa_other += zone.numa_other;
    }
    return sum;
  }

  const Topology topology;
  test::RecordingSink sink;
  std::unique_ptr<PageAllocator> pages;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_nodes)

// ---- The order of nodes. ----

// All as far from each other: the next by number, around, unless that is the first of others too.
BOOST_AUTO_TEST_CASE(equal_nodes_are_asked_around) {
  const Topology four = std::move(Topology::simulated(4, 4).value());
  BOOST_CHECK(
      (node_orders(four, 4) == Orders{{0, 1, 2, 3}, {1, 2, 3, 0}, {2, 3, 0, 1}, {3, 0, 1, 2}}));
  const Topology one = std::move(Topology::simulated(1, 1).value());
  BOOST_CHECK((node_orders(one, 1) == Orders{{0}}));
}

BOOST_AUTO_TEST_CASE(near_nodes_are_asked_first) {
  Topology pairs = std::move(Topology::simulated(4, 4).value());
  for (const auto& [from, to] : {std::pair(0u, 2u), std::pair(1u, 3u)}) {
    BOOST_TEST(pairs.set_distance(from, to, 15).ok());
    BOOST_TEST(pairs.set_distance(to, from, 15).ok());
  }
  const Orders orders = node_orders(pairs, 4);
  for (unsigned node = 0; node < 4; ++node) {
    BOOST_TEST(orders[node][0] == node);
    BOOST_TEST(orders[node][1] == (node ^ 2));
  }
  BOOST_TEST(!pairs.set_distance(0, 4, 15).ok());
  BOOST_TEST(!pairs.set_distance(0, 1, 9).ok());
}

// Two nodes between two others: each of the pair asks another one of them first.
BOOST_AUTO_TEST_CASE(nodes_that_are_asked_first_by_others_come_later) {
  Topology square = std::move(Topology::simulated(4, 4).value());
  for (const unsigned from : {0u, 1u}) {
    for (const unsigned to : {2u, 3u}) {
      BOOST_TEST(square.set_distance(from, to, 15).ok());
      BOOST_TEST(square.set_distance(to, from, 15).ok());
    }
  }
  BOOST_CHECK(
      (node_orders(square, 4) == Orders{{0, 2, 3, 1}, {1, 3, 2, 0}, {2, 0, 1, 3}, {3, 1, 0, 2}}));
}

// A node without CPUs counts as nearer than one whose CPUs will want its memory.
BOOST_AUTO_TEST_CASE(a_node_without_cpus_is_asked_before_others_as_far) {
  const Topology cpus = std::move(Topology::simulated(2, 1).value());
  const Topology three = std::move(cpus.with_fake_nodes(3).value());
  std::vector<bool> have(3);
  for (unsigned cpu = 0; cpu < 2; ++cpu) have[three.node_of(cpu)] = true;
  BOOST_TEST(!have[2]);
  BOOST_CHECK((node_orders(three, 3)[0] == std::vector<unsigned>{0, 2, 1}));
}

// ---- Who gets what. ----

// 64 MiB each, of node 0 16 of DMA and 32 of DMA32, of node 1 48 of DMA32; 16 of Movable.
BOOST_AUTO_TEST_CASE(a_request_is_served_at_home_as_long_as_there_is_something) {
  NodesArena arena(one_cpu(2), 128);
  BOOST_TEST(arena.facts_of(0).managed * kPageSize == 64 * kMib);
  BOOST_TEST(arena.facts_of(1).managed * kPageSize == 64 * kMib);
  std::vector<Page*> held;
  std::vector<std::pair<unsigned, ZoneType>> order;
  while (Page* page = arena.take(kGfpHighuserMovable | kGfpFlagNowarn, 4)) {
    held.push_back(page);
    const std::pair place(arena.node_of(page), arena.zone_of(page));
    if (order.empty() || order.back() != place) order.push_back(place);
  }
  const std::vector<std::pair<unsigned, ZoneType>> expected = {{0, ZoneType::kMovable},
                                                               {0, ZoneType::kDma32},
                                                               {0, ZoneType::kDma},
                                                               {1, ZoneType::kMovable},
                                                               {1, ZoneType::kDma32}};
  BOOST_REQUIRE(order.size() >= expected.size());
  for (size_t i = 0; i < expected.size(); ++i) BOOST_CHECK(order[i] == expected[i]);
  for (Page* page : held) arena.free(page, 4);
}

BOOST_AUTO_TEST_CASE(a_request_may_name_a_node_and_insist) {
  NodesArena arena(one_cpu(3), 96);
  for (unsigned node = 0; node < 3; ++node) {
    Page* page = arena.take_on(node, kGfpKernel, 2);
    BOOST_TEST(arena.node_of(page) == node);
    // Others' requests stay at home.
    Page* own = arena.take(kGfpKernel, 2);
    BOOST_TEST(arena.node_of(own) == 0u);
    arena.free(own, 2);
    arena.free(page, 2);
  }
  constexpr Gfp kOnly = kGfpKernel | kGfpFlagThisnode | kGfpFlagNowarn;
  std::vector<Page*> held;
  while (Page* page = arena.take_on(1, kOnly, 3)) held.push_back(page);
  for (const Page* page : held) BOOST_TEST(arena.node_of(page) == 1u);
  BOOST_TEST(held.size() > 600u);
  // Without insisting, another node helps; and at home nothing has changed.
  Page* other = arena.take_on(1, kGfpKernel, 3);
  BOOST_TEST(arena.node_of(other) == 2u);
  Page* home = arena.take(kGfpKernel | kGfpFlagThisnode, 3);
  BOOST_TEST(arena.node_of(home) == 0u);
  // A zone that the node does not have.
  BOOST_TEST(arena.take_on(1, kGfpDma | kGfpFlagThisnode | kGfpFlagNowarn) == nullptr);
  Page* dma = arena.take_on(1, kGfpDma);
  BOOST_TEST(arena.node_of(dma) == 0u);
  arena.free(dma);
  arena.free(other, 3);
  arena.free(home, 3);
  for (Page* page : held) arena.free(page, 3);
  BOOST_TEST(arena.sink.count() == 0u);
}

// That one node has no memory left is nobody's emergency (__alloc_pages_may_oom).
BOOST_AUTO_TEST_CASE(who_insists_on_a_node_does_not_say_that_memory_has_run_out) {
  const Topology topology = one_cpu(2);
  int told = 0;
  const auto pages = std::move(PageAllocator::create({.size_bytes = 32 * kMib,
                                                      .topology = &topology,
                                                      .policy = &test::page_policy(),
                                                      .failures = nullptr,
                                                      .out_of_memory =
                                                          [&](Gfp, Order) {
                                                            ++told;
                                                            return false;
                                                          }})
                                   .value());
  std::vector<Page*> held;
  const auto take_all = [&](Gfp gfp) {
    while (Page* page = pages->alloc_pages(gfp, Order(0))) held.push_back(page);
  };
  take_all(kGfpKernel | kGfpFlagThisnode);
  BOOST_TEST(told == 0);
  take_all(kGfpKernel);
  BOOST_TEST(told == 1);
  for (Page* page : held) pages->free_pages(page, Order(0));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_none_is_reported) {
  NodesArena arena(one_cpu(2), 32);
  BOOST_TEST(arena.take_on(2, kGfpKernel) == nullptr);
  BOOST_TEST(arena.sink.count() == 1u);
  BOOST_TEST(arena.sink.last_raw().find("there is no node 2; use 0 to 1") != std::string::npos);
}

// Five nodes, and memory for two: the others' CPUs, if they had any, would ask the nearest.
BOOST_AUTO_TEST_CASE(nodes_without_memory_are_served_by_others) {
  NodesArena arena(one_cpu(5), 8);
  Page* page = arena.take_on(4, kGfpKernel);
  BOOST_REQUIRE(page != nullptr);
  arena.free(page);
  BOOST_TEST(arena.take_on(4, kGfpKernel | kGfpFlagThisnode | kGfpFlagNowarn) == nullptr);
}

// Each CPU has a node of its own here, and what it frees, others' memory too, is on its lists.
BOOST_AUTO_TEST_CASE(the_node_is_that_of_the_cpu) {
  const unsigned cpus = Topology::host().online_count();
  test::Pinned pinned(0);
  if (cpus < 2 || !pinned.move_to(0) || !pinned.move_to(1)) return;
  NodesArena arena(std::move(Topology::host().with_fake_nodes(cpus).value()), 64 * cpus);
  const unsigned there = arena.topology.node_of(1);
  BOOST_REQUIRE(arena.topology.node_of(0) != there);
  for (int round = 0; round < 3; ++round) {
    pinned.move_to(0);
    Page* page = arena.take(kGfpKernel);
    BOOST_TEST(arena.node_of(page) == arena.topology.node_of(0));
    pinned.move_to(1);
    Page* other = arena.take(kGfpKernel);
    BOOST_TEST(arena.node_of(other) == there);
    arena.free(page);
    // On this CPU's list for the other node, which it is not asked for.
    page = arena.take(kGfpKernel);
    BOOST_TEST(arena.node_of(page) == there);
    arena.free(page);
    arena.free(other);
  }
}

BOOST_AUTO_TEST_CASE(bulk_and_nolock_requests_keep_to_the_node_too) {
  NodesArena arena(one_cpu(2), 64);
  std::vector<Page*> pages(500);
  BOOST_TEST(arena.pages->alloc_pages_bulk(kGfpKernel, pages) == 500u);
  for (Page* page : pages) BOOST_TEST(arena.node_of(page) == 0u);
  Page* page = arena.pages->alloc_pages_nolock(kGfpKernel, Order(1));
  BOOST_TEST(arena.node_of(page) == 0u);
  arena.free(page, 1);
  for (Page* each : pages) arena.free(each);
  // The node has run low: a bulk request is served with one page, of another's.
  std::vector<Page*> held;
  while (Page* each = arena.take(kGfpKernel | kGfpFlagThisnode | kGfpFlagNowarn, 3))
    held.push_back(each);
  std::vector<Page*> more(50);
  BOOST_TEST(arena.pages->alloc_pages_bulk(kGfpNowait, more) == 1u);
  arena.free(more.front());
  for (Page* each : held) arena.free(each, 3);
}

// ---- What the counts and texts say. ----

BOOST_AUTO_TEST_CASE(every_allocation_is_a_hit_or_a_miss_and_local_or_not) {
  NodesArena arena(one_cpu(2), 32);
  std::vector<Page*> held;
  const auto take = [&](Page* page) { held.push_back(page); };
  for (int i = 0; i < 300; ++i) take(arena.take(kGfpKernel));
  for (int i = 0; i < 20; ++i) take(arena.take_on(1, kGfpKernel));
  ZoneFacts home = arena.facts_of(0);
  ZoneFacts other = arena.facts_of(1);
  BOOST_TEST(home.numa_hit == 300u);
  BOOST_TEST(home.numa_local == 300u);
  BOOST_TEST(home.numa_miss + home.numa_foreign + home.numa_other == 0u);
  BOOST_TEST(other.numa_hit == 20u);
  BOOST_TEST(other.numa_other == 20u);
  BOOST_TEST(other.numa_miss + other.numa_foreign + other.numa_local == 0u);
  // Until node 0 has nothing left.
  uint64_t here = 300;
  uint64_t there = 0;
  while (there < 10) {
    Page* page = arena.take(kGfpKernel);
    ++(arena.node_of(page) == 0 ? here : there);
    take(page);
  }
  home = arena.facts_of(0);
  other = arena.facts_of(1);
  BOOST_TEST(home.numa_hit == here);
  BOOST_TEST(home.numa_foreign == 10u);
  BOOST_TEST(other.numa_miss == 10u);
  BOOST_TEST(other.numa_other == 30u);
  // One that names node 1 and gets node 0's.
  std::vector<Page*> all_of_1;
  while (Page* page = arena.take_on(1, kGfpKernel | kGfpFlagThisnode | kGfpFlagNowarn)) {
    all_of_1.push_back(page);
  }
  for (int i = 0; i < 300; ++i) {
    arena.free(held.front());
    held.erase(held.begin());
  }
  Page* page = arena.take_on(1, kGfpKernel);
  BOOST_TEST(arena.node_of(page) == 0u);
  BOOST_TEST(arena.facts_of(0).numa_miss == 1u);
  BOOST_TEST(arena.facts_of(0).numa_local == here + 1);
  BOOST_TEST(arena.facts_of(1).numa_foreign == 1u);
  arena.free(page);
  for (Page* each : held) arena.free(each);
  for (Page* each : all_of_1) arena.free(each);
}

// 96 MiB of lowmem: 4 * sqrt(98304) = 1254 KiB, 313 pages, of which node 1's 48 MiB have half.
BOOST_AUTO_TEST_CASE(nodes_share_what_is_kept_free) {
  NodesArena arena(one_cpu(2), 128);
  const auto min_of_node_1 = [&] {
    for (const ZoneFacts& zone : arena.pages->zone_facts()) {
      if (zone.node == 1 && zone.name == "DMA32") return zone.marks.min.value();
    }
    return uint64_t{0};
  };
  BOOST_TEST(min_of_node_1() == 156u);
  BOOST_TEST(arena.pages->set_vm({.min_free_kbytes = 4096}).ok());
  BOOST_TEST(min_of_node_1() == 512u);
}

BOOST_AUTO_TEST_CASE(texts_have_every_node) {
  NodesArena arena(one_cpu(2), 128);
  const std::string buddyinfo = arena.pages->buddyinfo();
  BOOST_TEST(buddyinfo.find("Node 0, zone      DMA ") == 0u);
  BOOST_TEST(buddyinfo.find("\nNode 1, zone    DMA32 ") != std::string::npos);
  BOOST_TEST(buddyinfo.find("Node 1, zone      DMA ") == std::string::npos);
  const std::string zoneinfo = zoneinfo_text(arena.pages->zone_facts());
  const size_t second = zoneinfo.find("Node 1, zone    DMA32\n  per-node stats\n");
  BOOST_TEST(second != std::string::npos);
  BOOST_TEST(zoneinfo.find("per-node stats", second + 40) == std::string::npos);
  BOOST_TEST(arena.pages->mem_info().find("Node 1 Movable free:") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(owners_are_told_with_their_node) {
  const Topology topology = one_cpu(2);
  const auto pages = std::move(PageAllocator::create({.size_bytes = 128 * kMib,
                                                      .topology = &topology,
                                                      .policy = &test::page_policy(),
                                                      .page_owner = true})
                                   .value());
  Page* page = pages->alloc_pages_node(1, kGfpHighuserMovable, Order(0));
  const std::string text = page_owner_text(*pages->owners(), pages->memmap());
  BOOST_TEST(text.find("(node=1|zone=3)") != std::string::npos);
  pages->memmap().set_type(pages->pfn_of(page), Migratetype::kReclaimable);
  for (const ZoneFacts& zone : pages->zone_facts()) {
    uint64_t mixed = 0;
    for (const uint64_t blocks : *zone.mixed_pageblocks) mixed += blocks;
    BOOST_TEST(mixed == (zone.node == 1 && zone.name == "Movable" ? 1u : 0u));
  }
  pages->memmap().set_type(pages->pfn_of(page), Migratetype::kMovable);
  pages->free_pages(page, Order(0));
}

// Of random nodes, orders and kinds: nothing is lost, and every page goes back where it came from.
BOOST_AUTO_TEST_CASE(random_requests_of_all_nodes) {
  NodesArena arena(one_cpu(4), 64);
  const auto before = arena.pages->free_blocks();
  std::vector<std::pair<Page*, Order>> held;
  Prng prng(5);
  for (int i = 0; i < 40'000; ++i) {
    if (held.empty() || prng.below(5) < 3) {
      const Order order(
          static_cast<unsigned>(prng.below(10) == 0 ? prng.below(kOrders) : prng.below(4)));
      Gfp gfp = prng.below(2) == 0 ? kGfpKernel : kGfpHighuserMovable;
      if (prng.below(4) == 0) gfp = gfp | kGfpFlagThisnode;
      const auto node = static_cast<unsigned>(prng.below(4));
      Page* page = prng.below(2) == 0 ? arena.pages->alloc_pages(gfp | kGfpFlagNowarn, order)
                                      : arena.take_on(node, gfp | kGfpFlagNowarn, order.value());
      if (page != nullptr) held.emplace_back(page, order);
    } else {
      std::swap(held[prng.below(held.size())], held.back());
      arena.pages->free_pages(held.back().first, held.back().second);
      held.pop_back();
    }
  }
  for (const auto& [page, order] : held) arena.pages->free_pages(page, order);
  arena.pages->drain_all();
  BOOST_CHECK(arena.pages->free_blocks() == before);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
