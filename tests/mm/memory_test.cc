#include "mm/mm.h"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tests/policy.h"
#include "tests/recording_sink.h"

namespace ring3::mm {

[[gnu::noinline]] void leak_large(Memory& memory);
void leak_large(Memory& memory) { memory.kmalloc(100'000, kGfpKernel); }

namespace {

struct Fixture {
  std::unique_ptr<Memory> make() {
    return std::move(
        Memory::create(
            {.size_bytes = size_t{16} << 20, .reports = &sink, .policy = &test::page_policy()})
            .value());
  }
  test::RecordingSink sink;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_memory, Fixture)

BOOST_AUTO_TEST_CASE(closing_what_is_clean_finds_nothing) {
  const auto memory = make();
  memory->kfree(memory->kmalloc(100, kGfpKernel));
  BOOST_TEST(memory->close().none());
  BOOST_TEST(sink.count() == 0u);
}

// 300 caches keep more free slabs than the arena has pages: they come back when others need them.
BOOST_AUTO_TEST_CASE(free_slabs_do_not_starve_the_machine) {
  const auto memory = std::move(
      Memory::create(
          {.size_bytes = size_t{64} << 20, .reports = &sink, .policy = &test::page_policy()})
          .value());
  std::vector<KmemCache*> caches;
  for (int i = 0; i < 300; ++i) {
    caches.push_back(*memory->create_cache({.name = "cache" + std::to_string(i),
                                            .object_size = 4096,
                                            .align = 0,
                                            .how = CacheAlign::kNatural,
                                            .ctor = nullptr}));
    std::vector<void*> objects(48);
    for (void*& object : objects) object = caches.back()->alloc(kGfpKernel | kGfpFlagNowarn);
    for (void* object : objects) caches.back()->free(object);
  }
  void* large = memory->kmalloc(size_t{1} << 20, kGfpKernel);
  BOOST_TEST(large != nullptr);
  BOOST_TEST(memory->pages().vm_events().slabs_scanned > 0u);
  memory->kfree(large);
  BOOST_TEST(memory->count_faults() == 0u);
  BOOST_TEST(memory->close().none());
}

BOOST_AUTO_TEST_CASE(closing_reports_leaked_objects_once) {
  const auto memory = make();
  memory->kmalloc(100, kGfpKernel);
  BOOST_TEST(memory->close().objects == 1u);
  BOOST_TEST(memory->close().objects == 1u);
  BOOST_TEST(memory->close().pages.value() == 0u);
  BOOST_TEST(sink.count() == 1u);
}

BOOST_AUTO_TEST_CASE(closing_names_large_objects) {
  const auto memory = make();
  leak_large(*memory);
  BOOST_TEST(memory->close().objects == 1u);
  BOOST_TEST(memory->close().pages.value() == 0u);
  BOOST_TEST(sink.last_raw().find(" size=131072 allocated by ring3::mm::leak_large+0x") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_kind_of_leak_does_not_hide_another) {
  const auto memory = make();
  memory->kmalloc(100, kGfpKernel);
  leak_large(*memory);
  for (int i = 0; i < 100; ++i) memory->pages().alloc_pages(kGfpKernel, Order(0));
  const Leaks leaks = memory->close();
  BOOST_TEST(leaks.objects == 2u);
  BOOST_TEST(leaks.pages.value() == 100u);
}

BOOST_AUTO_TEST_CASE(closing_reports_leaked_pages) {
  const auto memory = make();
  memory->pages().alloc_pages(kGfpKernel, Order(3));
  BOOST_TEST(memory->close().pages.value() == 8u);
  BOOST_TEST(sink.count() == 2u);
}

BOOST_AUTO_TEST_CASE(counters_can_be_read_after_closing) {
  const auto memory = make();
  memory->kfree(memory->kmalloc(100, kGfpKernel));
  memory->close();
  BOOST_TEST(memory->slabs().events().sum(SlabEvent::kKmalloc) == 1u);
  BOOST_TEST(memory->pages().count_of(PageEvent::kMmPageAlloc) ==
             memory->pages().count_of(PageEvent::kMmPageFree));
}

BOOST_AUTO_TEST_CASE(two_memories_know_nothing_of_each_other) {
  const auto one = make();
  const auto two = make();
  void* object = one->kmalloc(64, kGfpKernel);
  two->kfree(object);
  BOOST_TEST(two->misuses() == 1u);
  one->kfree(object);
  BOOST_TEST(one->misuses() == 0u);
}

BOOST_AUTO_TEST_CASE(a_large_arena_costs_what_is_touched) {
  const size_t before = os::resident_bytes();
  const auto memory = Memory::create(
      {.size_bytes = size_t{64} << 30, .reports = &sink, .policy = &test::page_policy()});
  BOOST_REQUIRE(memory.ok());
  void* object = (*memory)->kmalloc(64, kGfpKernel);
  (*memory)->kfree(object);
  BOOST_TEST(os::resident_bytes() - before < size_t{256} << 20);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
