#include "mm/pages/vm_settings.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

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
                                       "vm.lowmem_reserve_ratio=256,128,0,0,0",
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
  BOOST_TEST(error_of("vm.lowmem_reserve_ratio=1 2 3 4 5 6") ==
             "vm.lowmem_reserve_ratio has 5 numbers at most, a zone each: DMA, DMA32, Normal, "
             "HighMem, Movable");
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
    const auto pages = std::move(PageAllocator::create({.size_bytes = size_t{64} << 20,
                                                        .policy = &test::page_policy(),
                                                        .vm = vm,
                                                        .failures = nullptr})
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

BOOST_FIXTURE_TEST_CASE(they_can_be_set_while_it_runs, PagesFixture) {
  const auto zone = [&](std::string_view name) {
    for (const ZoneFacts& facts : pages->zone_facts()) {
      if (facts.name == name) return facts;
    }
    return ZoneFacts();
  };
  const uint64_t min_before = zone("DMA32").marks.min.value();
  VmSettings vm = pages->vm();
  vm.min_free_kbytes = 4096;
  vm.lowmem_reserve_ratio = {64, 0, 0, 0};
  BOOST_REQUIRE(pages->set_vm(vm).ok());
  BOOST_CHECK(pages->vm() == vm);
  BOOST_TEST(zone("DMA32").marks.min.value() == 682u);
  BOOST_TEST(zone("DMA").protection[1] == 8192u / 64);
  // A zone without pages has marks too.
  BOOST_TEST(zone("Normal").marks.min.value() == 0u);
  std::vector<Page*> held;
  while (Page* page = alloc(kGfpDma32 | kGfpKernel, 0)) held.push_back(page);
  BOOST_TEST(zone("DMA32").free == 682u);
  // What was kept back is there from now on.
  BOOST_REQUIRE(pages->set_vm({}).ok());
  BOOST_TEST(zone("DMA32").marks.min.value() == min_before);
  Page* more = alloc(kGfpDma32 | kGfpKernel, 0);
  BOOST_TEST(more != nullptr);
  free(more, 0);
  for (Page* page : held) free(page, 0);
}

BOOST_FIXTURE_TEST_CASE(the_size_of_lists_stays, PagesFixture) {
  VmSettings vm;
  vm.percpu_pagelist_high_fraction = 8;
  vm.min_free_kbytes = 4096;
  const Status set = pages->set_vm(vm);
  BOOST_REQUIRE(!set);
  BOOST_TEST(set.error().message ==
             "vm.percpu_pagelist_high_fraction stays 0: it sizes CPUs' lists when an allocator is "
             "made");
  BOOST_CHECK(pages->vm() == VmSettings());
}

// The marks of both settings are right for somebody.
BOOST_FIXTURE_TEST_CASE(they_can_be_set_while_others_allocate, PagesFixture) {
  std::atomic<bool> done{false};
  std::thread other([&] {
    for (int i = 0; !done.load(std::memory_order_relaxed); ++i) {
      Page* page = alloc(kGfpKernel, static_cast<unsigned>(i % 4));
      free(page, static_cast<unsigned>(i % 4));
    }
  });
  VmSettings vm;
  for (uint64_t kib = 128; kib < 1128; ++kib) {
    vm.min_free_kbytes = kib;
    BOOST_REQUIRE(pages->set_vm(vm).ok());
  }
  done.store(true, std::memory_order_relaxed);
  other.join();
  BOOST_TEST(failures.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
