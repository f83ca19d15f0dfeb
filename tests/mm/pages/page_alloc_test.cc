#include "mm/pages/page_alloc.h"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "lib/prng.h"
#include "tests/mm/pages/pages_fixture.h"
#include "tests/without_rseq.h"

namespace ring3::mm {

BOOST_FIXTURE_TEST_SUITE(mm_pages_page_alloc, PagesFixture)

BOOST_AUTO_TEST_CASE(zones_lie_in_order_and_movable_is_the_top_quarter) {
  BOOST_TEST(pages->buddyinfo() ==
             "Node 0, zone      DMA      0      0      0      0      0      0      0      0      0 "
             "     0      4 \n"
             "Node 0, zone    DMA32      0      0      0      0      0      0      0      0      0 "
             "     0      8 \n"
             "Node 0, zone  Movable      0      0      0      0      0      0      0      0      0 "
             "     0      4 \n");
}

BOOST_AUTO_TEST_CASE(blocks_are_aligned_to_their_size_in_memory) {
  for (unsigned order = 0; order < kOrders; ++order) {
    Page* page = alloc(kGfpKernel, order);
    const auto address = reinterpret_cast<uintptr_t>(pages->address_of(page));
    BOOST_TEST(address % Order(order).bytes() == 0u);
    free(page, order);
  }
}

BOOST_AUTO_TEST_CASE(a_request_starts_at_its_zone_and_falls_back_downward) {
  Page* kernel = alloc(kGfpKernel, 0);
  Page* user = alloc(kGfpHighuserMovable, 0);
  Page* dma = alloc(kGfpDma, 0);
  BOOST_CHECK(zone_of(kernel) == ZoneType::kDma32);
  BOOST_CHECK(zone_of(user) == ZoneType::kMovable);
  BOOST_CHECK(zone_of(dma) == ZoneType::kDma);
  free(kernel, 0);
  free(user, 0);
  free(dma, 0);
  // Movable until it is used up, then DMA32, then DMA.
  std::vector<Page*> all;
  std::vector<ZoneType> order;
  while (Page* page = alloc(kGfpHighuserMovable, 8)) {
    if (order.empty() || order.back() != zone_of(page)) order.push_back(zone_of(page));
    all.push_back(page);
  }
  BOOST_REQUIRE(order.size() >= 2u);
  BOOST_CHECK(order[0] == ZoneType::kMovable);
  BOOST_CHECK(order[1] == ZoneType::kDma32);
  for (Page* page : all) free(page, 8);
}

// With and without the shortest way to a CPU's list.
BOOST_AUTO_TEST_CASE(a_cpu_keeps_free_blocks_by_the_type_of_their_pageblock) {
  for (const bool page_owner : {true, false}) {
    const auto arena = std::move(PageAllocator::create({.size_bytes = size_t{64} << 20,
                                                        .policy = &test::page_policy(),
                                                        .page_owner = page_owner})
                                     .value());
    const auto take = [&](Gfp gfp) { return arena->alloc_pages(gfp, Order(0)); };
    constexpr Gfp kReclaimable = kGfpKernel | kGfpFlagReclaimable;
    // Both types have a list that is open from now on.
    Page* unmovable = take(kGfpKernel);
    Page* reclaimable = take(kReclaimable);
    const auto pageblock = [&](const Page* page) { return arena->pfn_of(page).value() / 512; };
    BOOST_TEST(pageblock(unmovable) != pageblock(reclaimable));
    arena->free_pages(unmovable, Order(0));
    arena->free_pages(reclaimable, Order(0));
    // The block that was freed last is another type's.
    BOOST_TEST(take(kGfpKernel) == unmovable);
    BOOST_TEST(take(kReclaimable) == reclaimable);
    arena->free_pages(unmovable, Order(0));
    arena->free_pages(reclaimable, Order(0));
  }
}

// Zone Normal has room in movable pageblocks only, zone DMA32 whole ones.
BOOST_AUTO_TEST_CASE(a_request_goes_to_the_zone_below_before_it_mixes_types) {
  VmSettings vm;  // less than a pageblock is kept back
  vm.min_free_kbytes = 0;
  vm.watermark_scale_factor = 1;
  const auto large =
      std::move(PageAllocator::create(
                    {.size_bytes = size_t{8} << 30, .policy = &test::page_policy(), .vm = vm})
                    .value());
  std::vector<Page*> held;
  const auto zone = [&](const Page* page) {
    return large->memmap().pageblock(large->pfn_of(page)).zone();
  };
  constexpr Gfp kMovable = kGfpKernel | kGfpFlagMovable;
  for (;;) {
    held.push_back(large->alloc_pages(kMovable, Order(2)));
    if (zone(held.back()) != ZoneType::kNormal) break;
  }
  for (size_t i = 0; i + 1 < held.size(); i += 16) {
    large->free_pages(held[i], Order(2));
    held[i] = nullptr;
  }
  large->drain_all();
  Page* unmovable = large->alloc_pages(kGfpKernel, Order(0));
  BOOST_CHECK(zone(unmovable) == ZoneType::kDma32);
  Page* movable = large->alloc_pages(kMovable, Order(0));
  BOOST_CHECK(zone(movable) == ZoneType::kNormal);
  large->free_pages(unmovable, Order(0));
  large->free_pages(movable, Order(0));
  for (Page* page : held) large->free_pages(page, Order(2));
}

// What each kind of request leaves in DMA and DMA32, to the page, by the documented formulas.
BOOST_AUTO_TEST_CASE(flags_decide_how_deep_a_request_goes) {
  const ZonePages managed{PageCount(4096), PageCount(8192), {}, {}, PageCount(4096)};
  // Down to a part of the min mark of each zone, and what that keeps back from Normal requests.
  const auto left_by = [&](auto part_of) {
    uint64_t left = managed[4].value();
    for (const ZoneType zone : {ZoneType::kDma, ZoneType::kDma32}) {
      left += part_of(watermarks_of(zone, managed, lowmem_pages(managed)).min.value()) +
              lowmem_reserve(zone, ZoneType::kNormal, managed).value();
    }
    return left;
  };
  std::vector<Page*> all;
  // Idle pages of CPUs' lists go back by hand where the request may not wait for it.
  const auto left_after = [&](Gfp gfp) {
    for (int tries = 0; tries < 2; ++tries) {
      while (Page* page = alloc(gfp, 0)) {
        all.push_back(page);
        tries = 0;
      }
      pages->drain_all();
    }
    return pages->free_pages_count().value();
  };
  const auto half = [](uint64_t min) { return min - min / 2; };
  BOOST_TEST(left_after(kGfpKernel) == left_by([](uint64_t min) { return min; }));
  BOOST_TEST(left_after(kGfpKernel | kGfpFlagMemalloc | kGfpFlagNomemalloc) ==
             left_by([](uint64_t min) { return min; }));
  BOOST_TEST(left_after(kGfpKernel | kGfpFlagHigh) == left_by(half));
  BOOST_TEST(left_after(kGfpAtomic | kGfpFlagNomemalloc) == left_by(half));
  BOOST_TEST(left_after(kGfpAtomic) ==
             left_by([&](uint64_t min) { return half(min) - half(min) / 4; }));
  {
    // A task that works to free memory, and one flag that says no even then.
    const AllocScopeGuard scope(AllocScope::kMemalloc);
    BOOST_TEST(left_after(kGfpAtomic | kGfpFlagNomemalloc) ==
               left_by([&](uint64_t min) { return half(min) - half(min) / 4; }));
    BOOST_TEST(left_after(kGfpKernel) == managed[4].value());
  }
  BOOST_TEST(left_after(kGfpKernel | kGfpFlagMemalloc) == managed[4].value());
  for (Page* page : all) free(page, 0);
}

BOOST_AUTO_TEST_CASE(what_must_not_fail_gets_the_last_page) {
  std::vector<Page*> all;
  while (Page* page = alloc(kGfpKernel, 0)) all.push_back(page);
  while (Page* page = alloc(kGfpKernel | kGfpFlagNofail, 0)) all.push_back(page);
  BOOST_TEST(pages->free_pages_count().value() == 4096u);  // zone Movable
  for (Page* page : all) free(page, 0);
}

// Between the low and the min mark a request is served without touching another CPU's list.
BOOST_AUTO_TEST_CASE(cpu_lists_are_drained_only_by_who_may_wait_and_finds_nothing_else) {
  const auto drained = [&] { return pages->count_of(PageEvent::kMmPagePcpuDrain); };
  std::vector<Page*> all;
  // On this CPU's list of zone Movable lies one page.
  free(alloc(kGfpHighuserMovable, 0), 0);
  // Down to the min mark in larger blocks, so that no list is refilled or flushed.
  while (Page* page = alloc(kGfpKernel - kGfpFlagDirectReclaim, 1)) all.push_back(page);
  BOOST_TEST(alloc(kGfpNowait, 1) == nullptr);
  BOOST_TEST(drained() == 0u);
  BOOST_TEST(alloc(kGfpKernel, 1) == nullptr);
  const uint64_t once = drained();
  BOOST_TEST(once > 0u);
  for (Page* page : all) free(page, 1);
}

BOOST_AUTO_TEST_CASE(everything_comes_back_after_exhaustion) {
  const std::string before = pages->buddyinfo();
  std::vector<Page*> all;
  while (Page* page = alloc(kGfpHighuserMovable | kGfpFlagMemalloc, 0)) all.push_back(page);
  BOOST_TEST(all.size() > 15'000u);
  BOOST_TEST(std::set<Page*>(all.begin(), all.end()).size() == all.size());
  for (Page* page : all) free(page, 0);
  pages->drain_all();
  BOOST_TEST(pages->buddyinfo() == before);
}

BOOST_AUTO_TEST_CASE(idle_cpu_lists_are_drained_before_a_request_fails) {
  constexpr Gfp kGfp = kGfpKernel | kGfpDma | kGfpFlagMemalloc;
  // All of the DMA zone in single pages, back on this CPU's list or in the zone in pieces.
  std::vector<Page*> all;
  while (Page* page = alloc(kGfp, 0)) all.push_back(page);
  BOOST_TEST(all.size() == 4096u);
  for (Page* page : all) free(page, 0);
  // Each of its four largest blocks can be had, so none has a page left on a list.
  std::vector<Page*> blocks;
  while (Page* page = alloc(kGfp, 10)) blocks.push_back(page);
  BOOST_TEST(blocks.size() == 4u);
  for (Page* page : blocks) free(page, 10);
}

// It has no list of its own: what a refill takes for one goes back at once, and nothing is lost.
BOOST_AUTO_TEST_CASE(a_thread_without_a_cpu_number_allocates_and_frees_like_any_other) {
  PagesFixture large(1024);  // whose zones are refilled by many pages at a time
  std::thread([&] {
    const test::WithoutRseq thread;
    std::vector<Page*> all;
    for (int i = 0; i < 300; ++i) all.push_back(large.alloc(kGfpKernel, 0));
    BOOST_TEST(large.pages->allocated_pages().value() == 300u);
    for (Page* page : all) large.free(page, 0);
  }).join();
  BOOST_TEST(large.pages->allocated_pages().value() == 0u);
  BOOST_TEST(large.pages->count_of(PageEvent::kMmPageAlloc) == 300u);
}

BOOST_AUTO_TEST_CASE(zeroed_pages_are_zero) {
  Page* page = alloc(kGfpKernel, 2);
  std::memset(pages->address_of(page), 0xff, 4 * kPageSize);
  free(page, 2);
  Page* again = alloc(kGfpKernel | kGfpFlagZero, 2);
  BOOST_TEST(again == page);
  const auto* bytes = static_cast<const char*>(pages->address_of(again));
  BOOST_TEST(std::count(bytes, bytes + 4 * kPageSize, 0) == 4 * static_cast<long>(kPageSize));
  free(again, 2);
}

BOOST_AUTO_TEST_CASE(tails_of_a_compound_page_know_their_head) {
  Page* head = alloc(kGfpKernel | kGfpFlagComp, 3);
  auto* start = static_cast<std::byte*>(pages->address_of(head));
  for (size_t i = 0; i < 8; ++i) {
    BOOST_TEST(pages->memmap().head_page_of(start + i * kPageSize + 17) == head);
  }
  free(head, 3);
  BOOST_TEST(pages->memmap().head_page_of(start + kPageSize) != head);
}

BOOST_AUTO_TEST_CASE(events_are_counted) {
  Page* page = alloc(kGfpKernel, 1);
  free(page, 1);
  BOOST_TEST(pages->count_of(PageEvent::kMmPageAlloc) == 1u);
  BOOST_TEST(pages->count_of(PageEvent::kMmPageFree) == 1u);
  // It, and what this CPU's list got with it.
  BOOST_TEST(pages->count_of(PageEvent::kMmPageAllocZoneLocked) ==
             1 + pages->count_of(PageEvent::kPcpRefill));
}

// Whichever way they go: by refills, flushes and drains of CPUs' lists, or past them.
BOOST_AUTO_TEST_CASE(single_pages_are_counted_exactly_though_nobody_counts_them) {
  PagesFixture large(1024);
  uint64_t pairs = 0;
  std::vector<Page*> all;
  for (const size_t held : {1u, 3000u, 17u, 20000u}) {
    for (size_t i = 0; i < held; ++i) all.push_back(large.alloc(kGfpKernel, 0));
    BOOST_TEST(large.pages->count_of(PageEvent::kMmPageAlloc) == pairs + held);
    for (Page* page : all) large.free(page, 0);
    all.clear();
    pairs += held;
    BOOST_TEST(large.pages->count_of(PageEvent::kMmPageFree) == pairs);
    if (held == 17u) large.pages->drain_all();
  }
  BOOST_TEST(large.pages->count_of(PageEvent::kMmPagePcpuDrain) > 0u);
}

BOOST_AUTO_TEST_CASE(a_cpu_that_goes_leaves_its_pages_and_one_that_comes_has_a_list) {
  Topology topology = std::move(Topology::simulated(Topology::host().cpu_ids() + 2, 1).value());
  const unsigned other = topology.cpu_ids() - 1;
  BOOST_TEST(topology.set_online(other, false).ok());
  const auto machine = std::move(
      PageAllocator::create(
          {.size_bytes = size_t{64} << 20, .topology = &topology, .policy = &test::page_policy()})
          .value());
  const auto free_blocks = machine->free_blocks();
  const auto put_one_back = [&] {
    machine->free_pages(machine->alloc_pages(kGfpKernel, Order(0)), Order(0));
  };
  put_one_back();
  BOOST_CHECK(machine->free_blocks() != free_blocks);
  for (unsigned cpu = 0; cpu < topology.cpu_ids(); ++cpu) machine->cpu_dead(cpu);
  BOOST_CHECK(machine->free_blocks() == free_blocks);
  machine->cpu_online(other);
  put_one_back();
  machine->drain_all();
  BOOST_CHECK(machine->free_blocks() == free_blocks);
}

BOOST_AUTO_TEST_CASE(a_fault_point_makes_requests_fail_but_for_nofail) {
  pages->fail_page_alloc().arm({.attributes = {.probability = 100}}, 1);
  BOOST_TEST(alloc(kGfpKernel, 0) == nullptr);
  Page* page = alloc(kGfpKernel | kGfpFlagNofail, 0);
  BOOST_TEST(page != nullptr);
  free(page, 0);
}

BOOST_AUTO_TEST_CASE(a_block_can_be_split_and_its_parts_freed_in_any_order) {
  const std::string before = pages->buddyinfo();
  Page* block = alloc(kGfpKernel | kGfpFlagComp, 4);
  pages->split_pages(block, Order(4), Order(2));
  for (const int tail : {1, 7}) {
    BOOST_TEST(pages->memmap().head_page_of(pages->address_of(block + tail)) == block + tail);
  }
  for (const unsigned part : {2u, 0u, 3u}) free(block + part * 4, 2);
  pages->split_pages(block + 4, Order(2), Order(0));
  for (const unsigned part : {7u, 5u, 4u, 6u}) free(block + part, 0);
  pages->drain_all();
  BOOST_TEST(pages->buddyinfo() == before);
  BOOST_TEST(sink.count() == 0u);
}

BOOST_AUTO_TEST_CASE(impossible_sizes_are_refused_with_the_limits) {
  for (const size_t bytes : {size_t{0}, size_t{4096}, (size_t{4} << 20) + 1, size_t{17} << 40}) {
    const auto made = PageAllocator::create({.size_bytes = bytes});
    BOOST_REQUIRE(!made.ok());
    BOOST_CHECK(made.error().code == Errc::kInvalidArgument);
    BOOST_TEST(made.error().message.find(std::to_string(bytes)) != std::string::npos);
  }
}

// By hand: 3 single pages, 1 block of order 1, 1 of order 3: 13 pages free.
BOOST_AUTO_TEST_CASE(unusable_index_is_the_share_in_smaller_blocks) {
  const std::array<uint64_t, kOrders> blocks{3, 1, 0, 1};
  BOOST_TEST(unusable_free_index(blocks, Order(0)) == 0u);
  BOOST_TEST(unusable_free_index(blocks, Order(1)) == 3000u / 13);
  BOOST_TEST(unusable_free_index(blocks, Order(2)) == 5000u / 13);
  BOOST_TEST(unusable_free_index(blocks, Order(4)) == 1000u);
  BOOST_TEST(unusable_free_index({}, Order(0)) == 1000u);
}

// Threads that fill what they hold with a pattern of their own: nobody else is ever in it.
BOOST_AUTO_TEST_CASE(threads_never_share_a_page) {
  std::atomic<int> corrupt{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Prng prng = Prng::stream(1, t);
      struct Held {
        Page* page = nullptr;
        unsigned order = 0;
      };
      std::vector<Held> held(64);
      const auto release = [&](Held& h) {
        const auto* words = static_cast<const uint64_t*>(pages->address_of(h.page));
        const size_t last = Order(h.order).bytes() / 8 - 1;
        const auto expected = reinterpret_cast<uintptr_t>(h.page) + t;
        if (words[0] != expected || words[last] != expected) ++corrupt;
        free(std::exchange(h.page, nullptr), h.order);
      };
      for (int i = 0; i < 20'000; ++i) {
        Held& h = held[prng.below(held.size())];
        if (h.page != nullptr) {
          release(h);
          continue;
        }
        h.order = static_cast<unsigned>(prng.chance(3, 4) ? 0 : prng.below(7));
        h.page = alloc(prng.chance(1, 2) ? kGfpKernel : kGfpHighuserMovable, h.order);
        if (h.page == nullptr) continue;
        auto* words = static_cast<uint64_t*>(pages->address_of(h.page));
        words[0] = words[Order(h.order).bytes() / 8 - 1] = reinterpret_cast<uintptr_t>(h.page) + t;
      }
      for (Held& h : held) {
        if (h.page != nullptr) release(h);
      }
    });
  }
  // Meanwhile the lists are drained under their feet.
  for (int i = 0; i < 200; ++i) {
    pages->drain_all();
    os::sleep_for(microseconds(100));
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(corrupt == 0);
  BOOST_TEST(sink.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
