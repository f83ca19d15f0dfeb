// What follows from sizes and settings in a text of /proc/zoneinfo, a kernel's and ours.

#include "harness/pages/zoneinfo_check.h"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

#include "harness/pages/zoneinfo_file.h"

namespace ring3::harness {
namespace {

// Two zones of a machine of 12 GiB under Linux 6.12, shortened.
constexpr std::string_view kText =
    "Node 0, zone      DMA\n"
    "  per-node stats\n"
    "      nr_mapped    275664\n"
    "  pages free     3840\n"
    "        boost    0\n"
    "        min      23\n"
    "        low      28\n"
    "        high     33\n"
    "        managed  3840\n"
    "        protection: (0, 3018, 10826, 10826, 10826)\n"
    "      nr_free_pages 3840\n"
    "  pagesets\n"
    "    cpu: 0\n"
    "              count: 0\n"
    "              high:  0\n"
    "              batch: 1\n"
    "  vm stats threshold: 4\n"
    "    cpu: 1\n"
    "              count: 0\n"
    "              high:  0\n"
    "              batch: 1\n"
    "  vm stats threshold: 4\n"
    "  node_unreclaimable:  0\n"
    "  start_pfn:           1\n"
    "Node 0, zone    DMA32\n"
    "        boost    100\n"
    "        min      4804\n"
    "        promo    8332\n"
    "        managed  772808\n"
    "        protection: (0, 0, 7808, 7808, 7808)\n"
    "Node 0, zone   Normal\n"
    "        managed  1998848\n"
    "        high     18252\n"
    "        protection: (0, 0, 0, 0, 0)\n"
    "  pagesets\n"
    "    cpu: 0\n"
    "              batch: 63\n"
    "              high_min: 7605\n"
    "              high_max: 124928\n"
    "  vm stats threshold: 28\n"
    "Node 0, zone   Device\n"
    "        min      7\n"
    "        managed  0\n"
    "        protection: (0, 0, 0, 0, 0)\n";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

std::string error_of(std::string_view text) {
  const auto verdict = check_zoneinfo(text, {});
  return verdict ? "" : verdict.error().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_pages_zoneinfo_check)

BOOST_AUTO_TEST_CASE(every_field_that_is_there_is_worked_out) {
  const auto verdict = check_zoneinfo(kText, {});
  BOOST_REQUIRE(verdict);
  for (const std::string& line : verdict->differences) BOOST_ERROR(line);
  // DMA 3 + 5 + 2 * 2, DMA32 2 + 5, Normal 1 + 5 + 4.
  BOOST_TEST(verdict->fields == 29u);
  BOOST_TEST(verdict->min_free_kbytes == 67584u);
  BOOST_TEST(verdict->min_free_source == "as khugepaged raises it");
}

BOOST_AUTO_TEST_CASE(what_differs_is_named_with_both_values) {
  const auto difference = [](std::string_view what, std::string_view with) {
    const auto verdict = check_zoneinfo(replaced(std::string(kText), what, with), {});
    BOOST_REQUIRE(verdict);
    BOOST_REQUIRE(verdict->differences.size() == 1u);
    return verdict->differences[0];
  };
  BOOST_TEST(difference("low      28", "low      29") == "zone DMA: low is 29, by the formula 28");
  BOOST_TEST(difference("(0, 3018, 10826,", "(0, 3018, 10827,") ==
             "zone DMA: protection[2] is 10827, by the formula 10826");
  BOOST_TEST(difference("batch: 63", "batch: 31") ==
             "zone Normal: cpu 0 batch is 31, by the formula 63");
  BOOST_TEST(difference("high_max: 124928", "high_max: 1") ==
             "zone Normal: cpu 0 high_max is 1, by the formula 124928");
  BOOST_TEST(difference("threshold: 28", "threshold: 24") ==
             "zone Normal: cpu 0 vm stats threshold is 24, by the formula 28");
  BOOST_TEST(difference("promo    8332", "promo    8232") ==
             "zone DMA32: promo is 8232, by the formula 8332");
}

BOOST_AUTO_TEST_CASE(settings_change_the_formulas) {
  mm::VmSettings vm;
  vm.min_free_kbytes = 67584;
  BOOST_TEST(check_zoneinfo(kText, vm)->differences.empty());
  vm.watermark_scale_factor = 3000;
  BOOST_TEST(!check_zoneinfo(kText, vm)->differences.empty());
  vm = {};
  vm.lowmem_reserve_ratio[0] = 255;
  BOOST_TEST(check_zoneinfo(kText, vm)->differences.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_text_of_something_else_is_refused) {
  BOOST_TEST(error_of("") == "line 0: there is no zone in it; this is no /proc/zoneinfo");
  BOOST_TEST(error_of("MemTotal: 5 kB\n") ==
             "line 1: 'MemTotal: 5 kB' belongs to no zone; this is no /proc/zoneinfo");
  BOOST_TEST(error_of("Node 0, zone DMA\n  min x\n") ==
             "line 2: 'min x' has no number at its end; this is no /proc/zoneinfo");
  BOOST_TEST(error_of("Node 0, zone DMA\n  min 5\n") ==
             "line 2: zone DMA has no size or no protection; this is no /proc/zoneinfo");
  BOOST_TEST(error_of("Node 0, zone DMA\n protection: (0, 5\n") ==
             "line 2: a protection without an end; this is no /proc/zoneinfo");
  BOOST_TEST(error_of("Node 0, zone DMA\n protection: (0, x)\n") ==
             "line 2: a protection that is no number; this is no /proc/zoneinfo");
  BOOST_TEST(error_of("Node x, zone DMA\n") ==
             "line 1: 'x' is no node's number; this is no /proc/zoneinfo");
  BOOST_TEST(error_of("Node 0\n") == "line 1: a node without a zone; this is no /proc/zoneinfo");
}

BOOST_AUTO_TEST_CASE(our_own_text_agrees) {
  for (const uint64_t mib : {4, 64, 256, 8192}) {
    const auto memory = std::move(mm::Memory::create({.size_bytes = mib << 20}).value());
    const std::string text = mm::zoneinfo_text(memory->pages().zone_facts());
    const auto verdict = check_zoneinfo(text, {});
    BOOST_REQUIRE(verdict);
    for (const std::string& line : verdict->differences) BOOST_ERROR(line);
    BOOST_TEST(verdict->fields >= 40u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
