// The kernel's texts of zones: a machine in numbers, and the text that Linux 6.18 makes of it.

#include "mm/pages/proc_text.h"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {
namespace {

// The machine of ../shared/data/proc, whose figures are in zones(): as far as they are ring3's too.
std::vector<ZoneFacts> zones() {
  ZoneFacts dma{.name = "DMA",
                .free = 3840,
                .marks = {PageCount(23), PageCount(28), PageCount(33), PageCount(38)},
                .spanned = 4095,
                .present = 3998,
                .managed = 3840,
                .start_pfn = 1,
                .protection = {0, 3018, 10826, 10826},
                .pagesets = {{.batch = 1, .high_min = 14, .high_max = 240, .stat_threshold = 4},
                             {.count = 7,
                              .high = 9,
                              .batch = 1,
                              .high_min = 14,
                              .high_max = 240,
                              .stat_threshold = 4}},
                .pageblocks = {1, 7, 0, 0},
                .allocations = 3,
                .allocated = 1030,
                .in_use = 6,
                .numa_hit = 3,
                .numa_local = 3};
  dma.free_blocks[0] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};
  dma.free_blocks[1] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3};
  ZoneFacts normal{.name = "Normal", .present = 4096, .managed = 4096, .start_pfn = 1048576};
  normal.free_blocks[0] = {1528, 2343, 2119, 1494, 517, 380, 162, 65, 22, 0, 0};
  normal.free_blocks[1] = {6620, 2795, 1476, 2959, 1353, 1171, 420, 333, 221, 0, 0};
  normal.free_blocks[2] = {1885, 982, 765, 463, 267, 141, 41, 9, 4, 0, 0};
  ZoneFacts movable{.name = "Movable",
                    .marks = {PageCount(32), PageCount(32), PageCount(32), PageCount(32)},
                    .protection = {0, 0, 0, 0}};
  return {dma, normal, movable};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_proc_text)

BOOST_AUTO_TEST_CASE(buddyinfo_has_a_line_a_zone_with_pages) {
  BOOST_TEST(buddyinfo_text(zones()) ==
             "Node 0, zone      DMA      0      0      0      0      0      0      0      0      1 "
             "     1      3 \n"
             "Node 0, zone   Normal  10033   6120   4360   4916   2137   1692    623    407    247 "
             "     0      0 \n");
}

BOOST_AUTO_TEST_CASE(pagetypeinfo_has_lists_and_then_pageblocks_by_type) {
  const std::string text = pagetypeinfo_text(zones());
  BOOST_TEST(
      text.starts_with("Page block order: 9\n"
                       "Pages per block:  512\n"
                       "\n"
                       "Free pages count per migrate type at order       0      1      2      3    "
                       "  4      5      6 "
                       "     7      8      9     10 \n"
                       "Node    0, zone      DMA, type    Unmovable      0      0      0      0    "
                       "  0      0      0 "
                       "     0      1      0      0 \n"));
  BOOST_TEST(text.find("Node    0, zone   Normal, type  Reclaimable   1885    982    765    463    "
                       "267    141     41      9      4      0      0 \n") != std::string::npos);
  BOOST_TEST(text.ends_with(
      "\n"
      "\n"
      "Number of blocks type     Unmovable      Movable  Reclaimable   HighAtomic \n"
      "Node 0, zone      DMA            1            7            0            0 \n"
      "Node 0, zone   Normal            0            0            0            0 \n"));
}

BOOST_AUTO_TEST_CASE(zoneinfo_has_every_zone) {
  const std::string text = zoneinfo_text(zones());
  const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  BOOST_TEST(
      text.starts_with("Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 0\n"));
  BOOST_TEST(
      has("      nr_kernel_file_pages 0\n"
          "  pages free     3840\n"
          "        boost    0\n"
          "        min      23\n"
          "        low      28\n"
          "        high     33\n"
          "        promo    38\n"
          "        spanned  4095\n"
          "        present  3998\n"
          "        managed  3840\n"
          "        cma      0\n"
          "        protection: (0, 3018, 10826, 10826)\n"
          "      nr_free_pages 3840\n"
          "      nr_free_pages_blocks 3584\n"
          "      nr_zone_inactive_anon 0\n"));
  BOOST_TEST(has("      nr_mlock     0\n"));
  BOOST_TEST(has("      numa_hit     3\n"));
  BOOST_TEST(
      has("    cpu: 1\n"
          "              count:    7\n"
          "              high:     9\n"
          "              batch:    1\n"
          "              high_min: 14\n"
          "              high_max: 240\n"
          "  vm stats threshold: 4\n"
          "  node_unreclaimable:  0\n"
          "  start_pfn:           1\n"
          "Node 0, zone   Normal\n"
          "  pages free     0\n"));
  // A zone without pages ends with what it keeps back.
  BOOST_TEST(
      text.ends_with("Node 0, zone  Movable\n"
                     "  pages free     0\n"
                     "        boost    0\n"
                     "        min      32\n"
                     "        low      32\n"
                     "        high     32\n"
                     "        promo    32\n"
                     "        spanned  0\n"
                     "        present  0\n"
                     "        managed  0\n"
                     "        cma      0\n"
                     "        protection: (0, 0, 0, 0)\n"));
}

BOOST_AUTO_TEST_CASE(extfrag_indices_are_thousandths) {
  const std::string unusable = unusable_index_text(zones());
  BOOST_TEST(
      unusable.starts_with("Node 0, zone      DMA 0.000 0.000 0.000 0.000 0.000 0.000 0.000 "
                           "0.000 0.000 0.066 0.200 \n"));
  const std::string index = extfrag_index_text(zones());
  BOOST_TEST(index.find("zone      DMA -1.000 -1.000") != std::string::npos);
  // Nothing of order 9 is free in Normal: 322,577 pages in 30,535 blocks.
  BOOST_TEST(index.ends_with("-1.000  0.980  0.990 \n"));
}

BOOST_AUTO_TEST_CASE(vmstat_counts_pages_and_ends_as_the_kernel_s) {
  const std::string text = vmstat_text(zones());
  const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  BOOST_TEST(text.starts_with("nr_free_pages 3840\nnr_free_pages_blocks 3584\n"));
  BOOST_TEST(has("\nnuma_hit 3\nnuma_miss 0\n"));
  BOOST_TEST(
      has("\npgalloc_dma 1030\npgalloc_normal 0\npgalloc_movable "
          "0\nallocstall_dma 0\n"));
  BOOST_TEST(has("\npgfree 1024\n"));
  BOOST_TEST(text.ends_with("\nnr_unstable 0\n"));
}

// What an allocator says of itself is true, before, with and after blocks in use.
BOOST_FIXTURE_TEST_CASE(an_allocator_s_facts_add_up, PagesFixture) {
  Page* unmovable = alloc(kGfpKernel, 3);
  Page* movable = alloc(kGfpHighuserMovable, 0);
  const std::vector<ZoneFacts> facts = pages->zone_facts();
  BOOST_REQUIRE(facts.size() == kZones - 1);  // such a machine has no high memory
  for (const ZoneFacts& zone : facts) {
    uint64_t free = 0;
    const auto blocks = zone.blocks_by_order();
    for (size_t order = 0; order < kOrders; ++order) free += blocks[order] << order;
    BOOST_TEST(free == zone.free);
    uint64_t pageblocks = 0;
    for (const uint64_t of_type : zone.pageblocks) pageblocks += of_type;
    BOOST_TEST(pageblocks == zone.managed / kPageblockFrames);
    uint64_t cached = 0;
    for (const PagesetFacts& set : zone.pagesets) cached += set.count;
    const bool is_movable = zone.name == "Movable";
    const uint64_t in_use = is_movable ? 1 : zone.name == "DMA32" ? 8 : 0;
    BOOST_TEST(zone.in_use == in_use);
    BOOST_TEST(zone.allocated == in_use);
    BOOST_TEST(zone.allocations == (in_use != 0));
    BOOST_TEST(zone.free + cached + in_use == zone.managed);
  }
  BOOST_TEST(facts[1].pageblocks[static_cast<size_t>(Migratetype::kUnmovable)] >= 1u);
  free(unmovable, 3);
  free(movable, 0);
  BOOST_TEST(vmstat_text(pages->zone_facts()).find("\npgfree 9\n") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
