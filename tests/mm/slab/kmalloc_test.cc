#include "mm/slab/kmalloc.h"

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "tests/mm/slab/slab_fixture.h"
#include "tests/race.h"

namespace ring3::mm {

BOOST_FIXTURE_TEST_SUITE(mm_slab_kmalloc, SlabFixture)

BOOST_AUTO_TEST_CASE(every_size_up_to_three_pages_is_whole_and_its_own) {
  std::vector<std::pair<unsigned char*, size_t>> objects;
  for (size_t size = 1; size <= 3 * kPageSize; size += size < 300 ? 1 : 97) {
    auto* object = static_cast<unsigned char*>(memory->kmalloc(size, kGfpKernel));
    BOOST_REQUIRE(object != nullptr);
    std::memset(object, static_cast<int>(size % 251), size);
    objects.emplace_back(object, size);
  }
  for (const auto& [object, size] : objects) {
    BOOST_REQUIRE(object[0] == size % 251);
    BOOST_REQUIRE(object[size - 1] == size % 251);
    memory->kfree(object);
  }
  BOOST_TEST(sink.count() == 0u);
}

BOOST_AUTO_TEST_CASE(powers_of_two_are_aligned_to_themselves) {
  for (size_t size = 8; size <= 8192; size *= 2) {
    std::vector<void*> objects;
    for (int i = 0; i < 20; ++i) {
      objects.push_back(memory->kmalloc(size, kGfpKernel));
      const auto address = reinterpret_cast<uintptr_t>(objects.back());
      BOOST_TEST(address % std::min(size, kPageSize) == 0u);
    }
    for (void* object : objects) memory->kfree(object);
  }
}

BOOST_AUTO_TEST_CASE(classes_have_the_kernel_s_names) {
  std::string names;
  for (size_t i = 0; i < kKmallocSizes.size(); ++i) {
    names += memory->slabs().kmalloc().cache(i).name() + " ";
  }
  BOOST_TEST(memory->slabs().kmalloc().cache(kKmallocSizes.size()).name() == "dma-kmalloc-8");
  BOOST_TEST(memory->slabs().kmalloc().cache(Kmalloc::kCaches - 1).name() == "dma-kmalloc-8k");
  BOOST_TEST(names ==
             "kmalloc-8 kmalloc-16 kmalloc-32 kmalloc-64 kmalloc-96 kmalloc-128 kmalloc-192 "
             "kmalloc-256 kmalloc-512 kmalloc-1k kmalloc-2k kmalloc-4k kmalloc-8k ");
}

BOOST_AUTO_TEST_CASE(nothing_is_a_pointer_of_its_own) {
  BOOST_TEST(memory->kmalloc(0, kGfpKernel) == kZeroSizePtr);
  memory->kfree(kZeroSizePtr);
  memory->kfree(nullptr);
  BOOST_TEST(memory->misuses() == 0u);
}

BOOST_AUTO_TEST_CASE(large_sizes_are_whole_blocks) {
  void* object = memory->kmalloc(100'000, kGfpKernel);
  BOOST_TEST(reinterpret_cast<uintptr_t>(object) % Order(5).bytes() == 0u);
  BOOST_TEST(pages_in_use() == 32u);
  memory->kfree(static_cast<char*>(object) + kPageSize);  // not its start
  BOOST_TEST(memory->misuses() == 1u);
  memory->kfree(object);
  BOOST_TEST(pages_in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(more_than_the_largest_block_is_null) {
  void* largest = memory->kmalloc(kKmallocMaxBytes, kGfpKernel);
  BOOST_TEST(largest != nullptr);
  memory->kfree(largest);
  BOOST_TEST(memory->kmalloc(kKmallocMaxBytes + 1, kGfpKernel) == nullptr);
  BOOST_TEST(memory->kmalloc(SIZE_MAX, kGfpKernel) == nullptr);
  BOOST_TEST(memory->misuses() == 0u);
}

BOOST_AUTO_TEST_CASE(kernel_objects_never_come_from_movable_memory) {
  for (const size_t size : {size_t{64}, size_t{100'000}}) {
    void* object = memory->kmalloc(size, kGfpHighuserMovable);
    const Page* page = memory->pages().memmap().page_of(object);
    BOOST_TEST(memory->pages().pfn_of(page).value() < 48u * 256);
    memory->kfree(object);
  }
}

// Objects for zone DMA come from caches of their own, so that plain ones do not use it up.
BOOST_AUTO_TEST_CASE(each_zone_has_its_own_objects) {
  const auto mib_of = [&](const void* object) {
    return memory->pages().pfn_of(memory->pages().memmap().page_of(object)).value() / 256;
  };
  for (const size_t size : {size_t{64}, size_t{1000}, size_t{100'000}}) {
    for (int i = 0; i < 20; ++i) {
      void* dma = memory->kmalloc(size, kGfpKernel | kGfpDma);
      void* plain = memory->kmalloc(size, kGfpKernel);
      BOOST_TEST(mib_of(dma) < 16u);
      BOOST_TEST(mib_of(plain) >= 16u);
      memory->kfree(dma);
      memory->kfree(plain);
    }
  }
  BOOST_TEST(memory->misuses() == 0u);
}

BOOST_AUTO_TEST_CASE(a_zone_without_caches_is_reported_and_dropped) {
  for (const size_t size : {size_t{64}, size_t{100'000}}) {
    void* object = memory->kmalloc(size, kGfpKernel | kGfpDma32);
    BOOST_TEST(object != nullptr);
    BOOST_TEST(sink.last_masked().find("WARNING: Unexpected gfp: 0xcc4 (GFP_KERNEL|GFP_DMA32). "
                                       "Fixing up to gfp: 0xcc0 (GFP_KERNEL)") == 0u);
    memory->kfree(object);
  }
  BOOST_TEST(memory->misuses() == 2u);
}

BOOST_AUTO_TEST_CASE(of_two_frees_of_a_large_object_at_once_one_is_refused) {
  constexpr int kRounds = 60'000;
  void* object = nullptr;
  const auto free = [&] { memory->kfree(object); };
  test::race(
      kRounds, [&] { object = memory->kmalloc(16384, kGfpKernel); }, free, free);
  BOOST_TEST(memory->misuses() == static_cast<uint64_t>(kRounds));
  BOOST_TEST(memory->slabs().kmalloc().large_objects() == 0u);
  BOOST_TEST(memory->slabs().events().sum(SlabEvent::kKfree) == static_cast<uint64_t>(kRounds));
}

BOOST_AUTO_TEST_CASE(kfree_of_anything_else_is_reported) {
  int local = 0;
  memory->kfree(&local);
  BOOST_TEST(sink.last_raw().find("BUG kmalloc: Invalid object pointer") != std::string::npos);
  void* object = memory->kmalloc(50, kGfpKernel);
  memory->kfree(object);
  memory->kfree(object);
  BOOST_TEST(sink.last_raw().find("BUG kmalloc-64: Object already free") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(kfree_takes_objects_of_caches_too) {
  KmemCache& c = cache("test", 64);
  memory->kfree(c.alloc());
  BOOST_TEST(memory->misuses() == 0u);
}

BOOST_AUTO_TEST_CASE(events_are_counted_apart_from_the_caches) {
  memory->kfree(memory->kmalloc(64, kGfpKernel));
  memory->kfree(nullptr);
  const SlabEvents& events = memory->slabs().events();
  BOOST_TEST(events.sum(SlabEvent::kKmalloc) == 1u);
  BOOST_TEST(events.sum(SlabEvent::kKfree) == 2u);
  BOOST_TEST(events.sum(SlabEvent::kKmemCacheAlloc) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
