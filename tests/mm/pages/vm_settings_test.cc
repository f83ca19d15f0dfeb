#include "mm/pages/vm_settings.h"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {
namespace {

std::string error_of(std::string_view text) {
  VmSettings settings;
  const Status set = set_vm(settings, text);
  BOOST_CHECK(settings == VmSettings());
  return set ? "" : set.error().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_vm_settings)

BOOST_AUTO_TEST_CASE(what_is_set_is_told) {
  VmSettings settings;
  BOOST_TEST(changed_vm_settings(settings).empty());
  for (const std::string_view text :
       {"vm.min_free_kbytes=8192", "watermark_scale_factor=3000",
        "vm.lowmem_reserve_ratio=256, 128 0", "vm.percpu_pagelist_high_fraction=8"}) {
    BOOST_CHECK(set_vm(settings, text).ok());
  }
  BOOST_TEST(changed_vm_settings(settings) ==
             (std::vector<std::string>{"vm.min_free_kbytes=8192", "vm.watermark_scale_factor=3000",
                                       "vm.lowmem_reserve_ratio=256,128,0,0",
                                       "vm.percpu_pagelist_high_fraction=8"}));
  BOOST_CHECK(set_vm(settings, "vm.percpu_pagelist_high_fraction=0").ok());
  BOOST_TEST(settings.percpu_pagelist_high_fraction == 0u);
}

BOOST_AUTO_TEST_CASE(bounds_are_the_kernel_s) {
  BOOST_TEST(error_of("vm.min_free_kbytes=-1") ==
             "'-1' is no value of vm.min_free_kbytes; use 0 to 2147483647");
  BOOST_TEST(error_of("vm.min_free_kbytes=2147483648") ==
             "'2147483648' is no value of vm.min_free_kbytes; use 0 to 2147483647");
  BOOST_TEST(error_of("vm.watermark_scale_factor=0") ==
             "'0' is no value of vm.watermark_scale_factor; use 1 to 3000");
  BOOST_TEST(error_of("vm.watermark_scale_factor=3001") ==
             "'3001' is no value of vm.watermark_scale_factor; use 1 to 3000");
  BOOST_TEST(error_of("vm.percpu_pagelist_high_fraction=7") ==
             "'7' is no value of vm.percpu_pagelist_high_fraction; use 8 to 2147483647");
  BOOST_TEST(error_of("vm.lowmem_reserve_ratio=1 2 3 4 5") ==
             "vm.lowmem_reserve_ratio has 4 numbers at most, a zone each: DMA, DMA32, Normal, "
             "Movable");
  BOOST_TEST(error_of("vm.lowmem_reserve_ratio=,") == "vm.lowmem_reserve_ratio needs a number");
  BOOST_TEST(error_of("vm.swappiness=60") ==
             "'vm.swappiness' is not known; use vm.min_free_kbytes, vm.watermark_scale_factor, "
             "vm.lowmem_reserve_ratio or vm.percpu_pagelist_high_fraction");
  BOOST_TEST(error_of("min_free_kbytes") ==
             "'min_free_kbytes' is no setting; use NAME=VALUE, as in vm.min_free_kbytes=8192");
}

// They change what an allocator keeps back, to the page.
BOOST_AUTO_TEST_CASE(an_allocator_keeps_back_what_they_say) {
  const auto left_with = [](const VmSettings& vm) {
    const auto pages =
        std::move(PageAllocator::create(
                      {.size_bytes = size_t{64} << 20, .policy = &test::page_policy(), .vm = vm})
                      .value());
    std::vector<Page*> held;
    while (Page* page = pages->alloc_pages(kGfpDma32 | kGfpKernel, Order(0))) held.push_back(page);
    uint64_t left = 0;
    for (const ZoneFacts& zone : pages->zone_facts()) {
      if (zone.name != "Movable") left += zone.free;
    }
    for (Page* page : held) pages->free_pages(page, Order(0));
    return left;
  };
  VmSettings vm;
  vm.min_free_kbytes = 4096;
  vm.lowmem_reserve_ratio = {};
  // 1,024 pages by size, DMA 4,096 and DMA32 8,192 of 12,288: 341 and 682, of which as much stays.
  BOOST_TEST(left_with(vm) == 341u + 682u);
  vm.lowmem_reserve_ratio = {64, 0, 0, 0};
  BOOST_TEST(left_with(vm) == 341u + 682u + 8192 / 64);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
