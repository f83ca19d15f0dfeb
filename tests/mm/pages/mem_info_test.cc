// What is said when a request is refused.

#include "mm/pages/mem_info.h"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {
namespace {

std::string line_with(const std::string& text, const std::string& part) {
  const size_t at = text.find(part);
  if (at == std::string::npos) return {};
  const size_t start = text.rfind('\n', at);
  const size_t begin = start == std::string::npos ? 0 : start + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_pages_mem_info, PagesFixture)

BOOST_AUTO_TEST_CASE(it_has_the_kernel_s_lines) {
  BOOST_TEST(
      pages->mem_info() ==
      "Mem-Info:\n"
      " free:16384 free_pcp:0 free_cma:0\n"
      "Node 0 DMA free:16384kB boost:0kB min:292kB low:364kB high:436kB reserved_highatomic:0KB "
      "active_anon:0kB inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB "
      "writepending:0kB present:16384kB managed:16384kB mlocked:0kB bounce:0kB free_pcp:0kB "
      "local_pcp:0kB free_cma:0kB\n"
      "lowmem_reserve[]: 0 32 32 48\n"
      "Node 0 DMA32 free:32768kB boost:0kB min:588kB low:732kB high:876kB "
      "reserved_highatomic:0KB "
      "active_anon:0kB inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB "
      "writepending:0kB present:32768kB managed:32768kB mlocked:0kB bounce:0kB free_pcp:0kB "
      "local_pcp:0kB free_cma:0kB\n"
      "lowmem_reserve[]: 0 0 0 16\n"
      "Node 0 Movable free:16384kB boost:0kB min:128kB low:200kB high:272kB "
      "reserved_highatomic:0KB "
      "active_anon:0kB inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB "
      "writepending:0kB present:16384kB managed:16384kB mlocked:0kB bounce:0kB free_pcp:0kB "
      "local_pcp:0kB free_cma:0kB\n"
      "lowmem_reserve[]: 0 0 0 0\n"
      "Node 0 DMA: 0*4kB 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB "
      "4*4096kB (M) = 16384kB\n"
      "Node 0 DMA32: 0*4kB 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB 0*2048kB "
      "8*4096kB (M) = 32768kB\n"
      "Node 0 Movable: 0*4kB 0*8kB 0*16kB 0*32kB 0*64kB 0*128kB 0*256kB 0*512kB 0*1024kB "
      "0*2048kB 4*4096kB (M) = 16384kB\n"
      "16384 pages RAM\n4096 pages HighMem/MovableOnly\n0 pages reserved\n");
}

// Marks, letters of several types, pages on CPUs' lists: each where it belongs.
BOOST_AUTO_TEST_CASE(numbers_are_in_their_places) {
  ZoneFacts zone{.name = "Normal",
                 .free = 10,
                 .marks = {.min = PageCount(1), .low = PageCount(2), .high = PageCount(3)},
                 .present = 40,
                 .managed = 30,
                 .protection = {0, 0, 7}};
  zone.pagesets = {{.count = 4}, {.count = 5}};
  zone.free_blocks[0][1] = 1;
  zone.free_blocks[2][1] = 2;
  zone.free_blocks[3][1] = 1;
  zone.free_blocks[1][0] = 2;
  const std::string text = mem_info_text(std::span(&zone, 1), 1);
  BOOST_TEST(line_with(text, " free_pcp:9") == " free:10 free_pcp:9 free_cma:0");
  const std::string of_zone = line_with(text, "Node 0 Normal free");
  for (const char* part : {" free:40kB ", " min:4kB low:8kB high:12kB ",
                           " present:160kB managed:120kB ", " free_pcp:36kB local_pcp:20kB "}) {
    BOOST_TEST(of_zone.find(part) != std::string::npos, part);
  }
  BOOST_TEST(line_with(text, "lowmem_reserve") == "lowmem_reserve[]: 0 0 7");
  BOOST_TEST(line_with(text, "Node 0 Normal:")
                 .starts_with("Node 0 Normal: 2*4kB (M) 4*8kB (UEH) 0*16kB "));
  BOOST_TEST(line_with(text, "Node 0 Normal:").ends_with("= 40kB"));
}

BOOST_AUTO_TEST_CASE(a_request_that_is_refused_is_told_once_in_a_while) {
  std::vector<Page*> held;
  while (Page* page = alloc(kGfpHighuserMovable | kGfpFlagNowarn, 0)) held.push_back(page);
  BOOST_TEST(failures.count() == 0u);
  BOOST_CHECK(alloc(kGfpAtomic, 9) == nullptr);
  BOOST_CHECK(alloc(kGfpAtomic, 9) == nullptr);
  BOOST_REQUIRE(failures.count() == 1u);
  const std::string text = failures.at(0);
  BOOST_TEST(line_with(text, "page allocation failure") ==
             Task::current().name() +
                 ": page allocation failure: order:9, mode:0x820(GFP_ATOMIC), nodemask=(null)");
  BOOST_TEST(text.find("\nCPU: ") != std::string::npos);
  BOOST_TEST(text.find("\nCall Trace:\n ") != std::string::npos);
  BOOST_TEST(text.find("\nMem-Info:\n") != std::string::npos);
  for (Page* page : held) free(page, 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
