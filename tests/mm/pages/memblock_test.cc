#include "mm/pages/memblock.h"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <ostream>
#include <vector>

#include "lib/prng.h"
#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {

// For Boost's messages.
std::ostream& operator<<(std::ostream& out, const MemRange& range) {
  return out << '[' << range.start << ", " << range.end << ')';
}

namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;

std::vector<MemRange> of(const MemRanges& ranges) {
  return {ranges.ranges().begin(), ranges.ranges().end()};
}

ZoneFacts zone_of(const PageAllocator& pages, std::string_view name) {
  for (const ZoneFacts& zone : pages.zone_facts()) {
    if (zone.name == name) return zone;
  }
  return {};
}

std::unique_ptr<PageAllocator> arena_of(const Memblock& memblock, ReportSink& sink,
                                        const PagePolicy& policy = test::page_policy()) {
  return std::move(PageAllocator::create({.size_bytes = 64 * kMib,
                                          .reports = &sink,
                                          .policy = &policy,
                                          .memblock = &memblock,
                                          .failures = nullptr})
                       .value());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_memblock)

BOOST_AUTO_TEST_CASE(ranges_that_touch_become_one_and_a_cut_makes_two) {
  MemRanges ranges;
  ranges.add({10, 20});
  ranges.add({30, 40});
  ranges.add({5, 5});
  BOOST_TEST(of(ranges) == (std::vector<MemRange>{{10, 20}, {30, 40}}));
  ranges.add({20, 30});
  BOOST_TEST(of(ranges) == (std::vector<MemRange>{{10, 40}}));
  ranges.remove({15, 16});
  BOOST_TEST(of(ranges) == (std::vector<MemRange>{{10, 15}, {16, 40}}));
  ranges.remove({0, 12});
  ranges.remove({39, 100});
  ranges.remove({15, 16});
  BOOST_TEST(of(ranges) == (std::vector<MemRange>{{12, 15}, {16, 39}}));
  BOOST_TEST(ranges.size() == 26u);
  BOOST_TEST(!ranges.contains(11));
  BOOST_TEST(ranges.contains(12));
  BOOST_TEST(!ranges.contains(15));
  BOOST_TEST(ranges.contains(38));
  BOOST_TEST(!ranges.contains(39));
}

// Against a byte for each address.
BOOST_AUTO_TEST_CASE(a_model_says_the_same_of_random_ranges) {
  Prng prng(5);
  for (int round = 0; round < 200; ++round) {
    MemRanges ranges;
    std::array<bool, 64> model{};
    for (int step = 0; step < 40; ++step) {
      const uint64_t a = prng.below(65);
      const uint64_t b = prng.below(65);
      const MemRange range{std::min(a, b), std::max(a, b)};
      const bool adds = prng.chance(60, 100);
      adds ? ranges.add(range) : ranges.remove(range);
      std::fill(model.begin() + static_cast<ptrdiff_t>(range.start),
                model.begin() + static_cast<ptrdiff_t>(range.end), adds);
      for (uint64_t at = 0; at < model.size(); ++at) {
        BOOST_REQUIRE(ranges.contains(at) == model[at]);
      }
      // Apart, in order, none empty.
      uint64_t end = 0;
      for (const MemRange& kept : ranges.ranges()) {
        BOOST_REQUIRE((end == 0 || kept.start > end));
        BOOST_REQUIRE(kept.end > kept.start);
        end = kept.end;
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(it_gives_the_highest_or_the_lowest_that_is_free) {
  Memblock memblock;
  memblock.add({0x1000, 0x9f000});
  memblock.add({0x100000, 0x200000});
  memblock.reserve({0x1ff000, 0x300000});
  BOOST_TEST(memblock.alloc(0x100, 0x100).value() == 0x1fef00u);
  BOOST_TEST(memblock.alloc(0x1000, 0x1000).value() == 0x1fd000u);
  BOOST_TEST(memblock.alloc(0x1000, 0x1000, {0, 0x100000}).value() == 0x9e000u);
  BOOST_TEST(!memblock.alloc(0x101000).has_value());
  BOOST_TEST(!memblock.alloc(0).has_value());
  BOOST_TEST(!memblock.alloc(0x1000, 0x1000, {0x9f000, 0x100000}).has_value());
  memblock.set_bottom_up(true);
  BOOST_TEST(memblock.alloc(0x1800, 0x1000).value() == 0x1000u);
  BOOST_TEST(memblock.alloc(0x800, 0x800).value() == 0x2800u);
  memblock.release({0x1000, 0x2800});
  BOOST_TEST(memblock.alloc(8, 8).value() == 0x1000u);
  BOOST_TEST(memblock.free_ranges().front() == (MemRange{0x1008, 0x2800}));
}

BOOST_AUTO_TEST_CASE(its_text_is_the_kernel_s) {
  Memblock memblock;
  memblock.add({0x1000, 0x9f000});
  memblock.add({0x100000, 0x10000000});
  BOOST_TEST(memblock_text(memblock.memory()) ==
             "   0: 0x0000000000001000..0x000000000009efff    0 NONE\n"
             "   1: 0x0000000000100000..0x000000000fffffff    0 NONE\n");
  BOOST_TEST(memblock_text(memblock.reserved()).empty());
}

// Holes and what was taken early: counted where they lie, never free, and nobody's to free.
BOOST_AUTO_TEST_CASE(what_is_memory_and_not_taken_is_handed_over) {
  Memblock memblock;
  memblock.add({0, 20 * kMib});
  memblock.add({24 * kMib, 64 * kMib});
  memblock.reserve({0, 0x1800});  // a page and a half
  const uint64_t early = memblock.alloc(3 * kPageSize, kPageSize, {0, 16 * kMib}).value();
  for (const PagePolicy* policy : {&kKernelPolicy, &kPackedPolicy}) {
    test::RecordingSink sink;
    auto pages = arena_of(memblock, sink, *policy);
    const ZoneFacts dma = zone_of(*pages, "DMA");
    BOOST_TEST(dma.spanned == 4096u);
    BOOST_TEST(dma.present == 4096u);
    BOOST_TEST(dma.managed == 4096u - 2 - 3);
    BOOST_TEST(dma.free == dma.managed);
    const ZoneFacts dma32 = zone_of(*pages, "DMA32");
    BOOST_TEST(dma32.spanned == 8192u);
    BOOST_TEST(dma32.present == 8192u - 1024);
    BOOST_TEST(dma32.managed == dma32.present);
    BOOST_TEST(pages->total_pages().value() == 16384u - 1024 - 5);
    BOOST_TEST(pages->mem_info().find("\n5 pages reserved\n") != std::string::npos);
    // All of it can be had, and no frame of the rest.
    std::vector<Page*> held;
    while (Page* page = pages->alloc_pages(kGfpHighuserMovable | kGfpFlagMemalloc, Order(0))) {
      const uint64_t address = pages->pfn_of(page).value() * kPageSize;
      BOOST_REQUIRE(memblock.memory().contains(address));
      BOOST_REQUIRE(!memblock.reserved().contains(address));
      BOOST_REQUIRE(!memblock.reserved().contains(address + kPageSize - 1));
      held.push_back(page);
    }
    BOOST_TEST(held.size() == pages->total_pages().value());
    for (Page* page : held) pages->free_pages(page, Order(0));
    pages->drain_all();
    BOOST_TEST(pages->count_faults() == 0u);
    BOOST_TEST(pages->allocated_pages().value() == 0u);
    // Nothing merges over what is taken: the blocks are those of the beginning.
    BOOST_TEST(zone_of(*pages, "DMA").free_blocks == dma.free_blocks);
    // What was taken is its owner's to write, ASan or not.
    void* taken = pages->address_of(&pages->memmap().page(Pfn(early / kPageSize)));
    std::memset(taken, 0x5a, 3 * kPageSize);
    pages->free_pages_at(taken, Order(0));
    BOOST_TEST(pages->misuses() == 1u);
    BOOST_TEST(sink.last_raw().find("page dumped because: page is reserved") != std::string::npos);
    // The page of which only a part was taken is as much.
    pages->free_pages(&pages->memmap().page(Pfn(1)), Order(0));
    BOOST_TEST(pages->misuses() == 2u);
    pages->free_pages(&pages->memmap().page(Pfn(21 * kMib / kPageSize)), Order(0));
    BOOST_TEST(pages->misuses() == 3u);
    BOOST_TEST(sink.last_raw().find("page dumped because: page is reserved") != std::string::npos);
  }
}

// A zone of which nothing is left is passed over.
BOOST_AUTO_TEST_CASE(a_zone_may_be_taken_whole) {
  Memblock memblock;
  memblock.add({0, 64 * kMib});
  memblock.reserve({0, 16 * kMib});
  test::RecordingSink sink;
  auto pages = arena_of(memblock, sink);
  BOOST_CHECK(pages->alloc_pages(kGfpDma | kGfpAtomic, Order(0)) == nullptr);
  Page* page = pages->alloc_pages(kGfpKernel, Order(10));
  BOOST_TEST(page != nullptr);
  pages->free_pages(page, Order(10));
  BOOST_TEST(zone_of(*pages, "DMA").managed == 0u);
  BOOST_TEST(sink.count() == 0u);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused) {
  Memblock beyond;
  beyond.add({0, 65 * kMib});
  const auto refused = PageAllocator::create({.size_bytes = 64 * kMib, .memblock = &beyond});
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().message ==
             "memory up to 0x4100000 is not possible in an arena of 67108864 bytes");
  Memblock full;
  full.add({0, 64 * kMib});
  full.reserve({0, 64 * kMib - 1});
  const auto nothing = PageAllocator::create({.size_bytes = 64 * kMib, .memblock = &full});
  BOOST_REQUIRE(!nothing);
  BOOST_TEST(nothing.error().message ==
             "no page of 67108864 bytes is free: 67108864 are memory, and 67108863 are reserved");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
