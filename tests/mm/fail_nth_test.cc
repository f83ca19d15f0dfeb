// Every call that may fail, made to fail at each of the places where it can, one after the other:
// it says so, and nothing is lost (the kernel's fail-nth).

#include <boost/test/unit_test.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/cpu/task.h"
#include "mm/mm.h"
#include "tests/policy.h"
#include "tests/recording_sink.h"

namespace ring3::mm {
namespace {

struct FailNthFixture {
  FailNthFixture()
      : memory(std::move(Memory::create({.size_bytes = size_t{64} << 20,
                                         .reports = &sink,
                                         .policy = &test::page_policy(),
                                         .failures = &sink})
                             .value())) {}
  ~FailNthFixture() {
    BOOST_TEST(memory->count_faults() == 0u);
    BOOST_TEST(memory->close().none());
    BOOST_TEST(sink.count() == 0u);
  }

  // `call` gives everything back and returns whether it got all that it asked for. Returns at how
  // many places it failed.
  int places(const std::function<bool()>& call) {
    for (uint32_t n = 1;; ++n) {
      Task::current().set_fail_nth(n);
      const bool got = call();
      const bool failed = Task::current().fail_nth() == 0;
      Task::current().set_fail_nth(0);
      BOOST_TEST(got != failed, "at place " << n);
      BOOST_TEST(memory->count_faults() == 0u);
      if (!failed) return static_cast<int>(n) - 1;
    }
  }

  test::RecordingSink sink;
  std::unique_ptr<Memory> memory;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_fail_nth, FailNthFixture)

BOOST_AUTO_TEST_CASE(page_requests_fail_once_each) {
  PageAllocator& pages = memory->pages();
  for (const unsigned order : {0u, 3u, 9u, 10u}) {
    for (const Gfp gfp : {kGfpKernel, kGfpAtomic, kGfpHighuserMovable, kGfpKernel | kGfpFlagZero}) {
      BOOST_TEST(places([&] {
                   Page* page = pages.alloc_pages(gfp, Order(order));
                   pages.free_pages(page, Order(order));
                   return page != nullptr;
                 }) == 1);
      BOOST_TEST(places([&] {
                   Page* page = pages.alloc_shared_pages(gfp, Order(order));
                   pages.free_pages(page, Order(order));
                   return page != nullptr;
                 }) == 1);
    }
  }
  BOOST_TEST(places([&] {
               void* address = pages.alloc_pages_exact(5 * kPageSize, kGfpKernel);
               pages.free_pages_exact(address, 5 * kPageSize);
               return address != nullptr;
             }) == 1);
  BOOST_TEST(places([&] {
               std::array<Page*, 100> many{};
               const size_t count = pages.alloc_pages_bulk(kGfpKernel, many);
               for (Page* page : many) pages.free_pages(page, Order(0));
               return count == many.size();
             }) == 1);
  // These never do.
  BOOST_TEST(places([&] {
               Page* page = pages.alloc_pages(kGfpKernel | kGfpFlagNofail, Order(0));
               pages.free_pages(page, Order(0));
               return page != nullptr;
             }) == 0);
  BOOST_TEST(places([&] {
               Page* page = pages.alloc_pages_nolock({}, Order(0));
               pages.free_pages_nolock(page, Order(0));
               return page != nullptr;
             }) == 0);
}

// An object's own fault point, and its slab's pages.
BOOST_AUTO_TEST_CASE(object_requests_fail_at_the_object_and_at_the_slab) {
  BOOST_TEST(places([&] {
               KmemCache* cache = *memory->create_cache({.name = "victims", .object_size = 200});
               void* object = cache->alloc(kGfpKernel);
               if (object != nullptr) cache->free(object);
               BOOST_TEST(memory->destroy_cache(cache) == 0u);
               return object != nullptr;
             }) == 2);
  BOOST_TEST(places([&] {
               void* large = memory->kmalloc(100'000, kGfpKernel);
               memory->kfree(large);
               return large != nullptr;
             }) == 1);
  // Until a slab is there, two; then the object's alone.
  BOOST_TEST(places([&] {
               std::vector<void*> objects;
               bool all = true;
               for (const size_t bytes : {8, 100, 1000, 5000}) {
                 objects.push_back(memory->kmalloc(bytes, kGfpKernel));
                 all &= objects.back() != nullptr;
               }
               for (void* object : objects) memory->kfree(object);
               return all;
             }) >= 4);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
