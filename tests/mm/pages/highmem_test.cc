// A 32-bit machine: low memory, which the kernel maps and needs, and high memory, which it does
// not.

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mm/pages/page_alloc.h"
#include "tests/policy.h"
#include "tests/recording_sink.h"

namespace ring3::mm {
namespace {

constexpr uint64_t kMib = uint64_t{1} << 20;

// 2 GiB: DMA 16 MiB, Normal up to 896, HighMem 640, Movable 512.
struct HighmemArena {
  explicit HighmemArena(ZoneSet zones = ZoneSet::kX86_32)
      : pages(std::move(PageAllocator::create({.size_bytes = 2048 * kMib,
                                               .reports = &sink,
                                               .policy = &test::page_policy(),
                                               .zones = zones,
                                               .failures = nullptr})
                            .value())) {}
  ~HighmemArena() {
    pages->drain_all();
    BOOST_TEST(pages->count_faults() == 0u);
    BOOST_TEST(pages->allocated_pages().value() == 0u);
    BOOST_TEST(sink.count() == 0u);
  }
  ZoneType zone_of(const Page* page) const {
    return pages->memmap().pageblock(pages->pfn_of(page)).zone();
  }
  ZoneType zone_of_one(Gfp gfp) {
    Page* page = pages->alloc_pages(gfp, Order(1));
    BOOST_REQUIRE(page != nullptr);
    const ZoneType zone = zone_of(page);
    pages->free_pages(page, Order(1));
    return zone;
  }

  test::RecordingSink sink;
  std::unique_ptr<PageAllocator> pages;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_highmem)

BOOST_AUTO_TEST_CASE(zones_of_a_32_bit_machine) {
  HighmemArena arena;
  const std::vector<ZoneFacts> zones = arena.pages->zone_facts();
  const std::vector<std::pair<std::string, uint64_t>> expected = {
      {"DMA", 16}, {"Normal", 880}, {"HighMem", 640}, {"Movable", 512}};
  BOOST_REQUIRE(zones.size() == expected.size());
  for (size_t i = 0; i < zones.size(); ++i) {
    BOOST_TEST(zones[i].name == expected[i].first);
    BOOST_TEST(zones[i].managed * kPageSize == expected[i].second * kMib);
    BOOST_TEST(zones[i].protection.size() == 4u);
  }
  // 880 MiB of Normal in 256, and 640 of HighMem more; that and 512 of Movable in 32.
  BOOST_TEST(zones[0].protection[1] == 880u);
  BOOST_TEST(zones[0].protection[2] == 880 + 640u);
  BOOST_TEST(zones[1].protection[2] == 640u * 256 / 32);
  BOOST_TEST(zones[1].protection[3] == (640u + 512) * 256 / 32);
  // High memory has no part in min_free_kbytes.
  BOOST_TEST(zones[2].marks.min.value() == 128u);
  // 4 * sqrt(917504 KiB) = 3831 KiB, 957 pages, shared as 16 to 880.
  BOOST_TEST(zones[0].marks.min.value() == 957u * 16 / 896);
  BOOST_TEST(zones[1].marks.min.value() == 957u * 880 / 896);
}

BOOST_AUTO_TEST_CASE(each_request_has_its_highest_zone) {
  HighmemArena arena;
  BOOST_CHECK(arena.zone_of_one(kGfpKernel) == ZoneType::kNormal);
  BOOST_CHECK(arena.zone_of_one(kGfpDma) == ZoneType::kDma);
  BOOST_CHECK(arena.zone_of_one(kGfpDma32) == ZoneType::kNormal);  // such a machine has no DMA32
  BOOST_CHECK(arena.zone_of_one(kGfpHighuser) == ZoneType::kHighmem);
  BOOST_CHECK(arena.zone_of_one(kGfpHighuserMovable) == ZoneType::kMovable);
  HighmemArena large(ZoneSet::kX86_64);
  BOOST_CHECK(large.zone_of_one(kGfpHighuser) == ZoneType::kDma32);
  BOOST_TEST(large.pages->buddyinfo().find("HighMem") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(high_memory_has_no_address_until_it_is_mapped) {
  HighmemArena arena;
  Page* low = arena.pages->alloc_pages(kGfpKernel, Order(0));
  BOOST_TEST(!arena.pages->is_highmem(low));
  BOOST_TEST(arena.pages->address_of(low) == arena.pages->kmap_local(low));
  Page* high = arena.pages->alloc_pages(kGfpHighuser | kGfpFlagZero, Order(2));
  BOOST_TEST(arena.pages->is_highmem(high));
  BOOST_TEST(arena.pages->address_of(high) == nullptr);
  auto* mapped = static_cast<unsigned char*>(arena.pages->kmap_local(high));
  BOOST_REQUIRE(mapped != nullptr);
  BOOST_TEST(mapped[4 * kPageSize - 1] == 0);
  std::memset(mapped, 7, 4 * kPageSize);
  arena.pages->free_pages(high, Order(2));
  arena.pages->free_pages(low, Order(0));
}

// The kernel runs out while half of memory is free.
BOOST_AUTO_TEST_CASE(low_memory_can_be_used_up_alone) {
  HighmemArena arena;
  std::vector<Page*> held;
  while (Page* page = arena.pages->alloc_pages(kGfpKernel | kGfpFlagNowarn, kMaxOrder)) {
    BOOST_TEST(!arena.pages->is_highmem(page));
    held.push_back(page);
  }
  BOOST_TEST(arena.pages->free_pages_count().value() * kPageSize >= 1152 * kMib);
  BOOST_CHECK(arena.zone_of_one(kGfpHighuser) == ZoneType::kHighmem);
  for (Page* page : held) arena.pages->free_pages(page, kMaxOrder);
}

BOOST_AUTO_TEST_CASE(texts_name_high_memory) {
  HighmemArena arena;
  Page* page = arena.pages->alloc_pages(kGfpHighuser, Order(3));
  const std::vector<ZoneFacts> zones = arena.pages->zone_facts();
  const std::string vmstat = vmstat_text(zones);
  BOOST_TEST(vmstat.find("\npgalloc_dma 0\npgalloc_normal 0\npgalloc_high ") != std::string::npos);
  BOOST_TEST(vmstat.find("dma32") == std::string::npos);
  BOOST_TEST(buddyinfo_text(zones).find("Node 0, zone  HighMem ") != std::string::npos);
  BOOST_TEST(arena.pages->mem_info().find("\n294912 pages HighMem/MovableOnly\n") !=
             std::string::npos);
  arena.pages->free_pages(page, Order(3));
}

BOOST_AUTO_TEST_CASE(zones_have_the_kernel_s_numbers) {
  BOOST_TEST(zone_number(ZoneSet::kX86_64, ZoneType::kDma32) == 1u);
  BOOST_TEST(zone_number(ZoneSet::kX86_64, ZoneType::kMovable) == 3u);
  BOOST_TEST(zone_number(ZoneSet::kX86_32, ZoneType::kNormal) == 1u);
  BOOST_TEST(zone_number(ZoneSet::kX86_32, ZoneType::kHighmem) == 2u);
  BOOST_TEST(zone_number(ZoneSet::kX86_32, ZoneType::kMovable) == 3u);
}

BOOST_AUTO_TEST_CASE(thirty_two_bits_reach_4_gib) {
  const auto larger = PageAllocator::create(
      {.size_bytes = (size_t{4} << 30) + kArenaGranule, .zones = ZoneSet::kX86_32});
  BOOST_REQUIRE(!larger.ok());
  BOOST_TEST(larger.error().message.find("4294967296") != std::string::npos);
  BOOST_TEST(
      PageAllocator::create({.size_bytes = size_t{4} << 30, .zones = ZoneSet::kX86_32}).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
