#include "mm/slab/kmem_cache.h"

#include <algorithm>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <set>
#include <thread>

#include "lib/asan.h"
#include "lib/prng.h"
#include "tests/mm/slab/slab_fixture.h"
#include "tests/race.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

int constructed = 0;
void count_and_fill(void* object) {
  ++constructed;
  std::memset(object, 0x5c, 256);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_slab_kmem_cache, SlabFixture)

BOOST_AUTO_TEST_CASE(objects_are_distinct_and_aligned) {
  KmemCache& c = cache("test", 40);
  auto objects = alloc_many(c, 1000);
  BOOST_TEST(std::set<void*>(objects.begin(), objects.end()).size() == 1000u);
  for (void* object : objects) BOOST_REQUIRE(reinterpret_cast<uintptr_t>(object) % 8 == 0u);
  std::sort(objects.begin(), objects.end());
  for (size_t i = 1; i < objects.size(); ++i) {
    BOOST_REQUIRE(static_cast<char*>(objects[i]) - static_cast<char*>(objects[i - 1]) >= 40);
  }
  for (void* object : objects) c.free(object);
}

// L1: partial first, then free, then a new slab.
BOOST_AUTO_TEST_CASE(allocates_from_a_partial_slab_then_a_free_one_then_a_new_one) {
  KmemCache& c = cache("test", 1024);
  const uint32_t per_slab = c.layout().objects;
  const auto first = alloc_many(c, per_slab);   // slab 1, full
  const auto second = alloc_many(c, per_slab);  // slab 2, full
  const uint64_t pages = pages_in_use();
  for (void* object : second) c.free(object);  // slab 2, free and kept
  c.free(first[3]);                            // slab 1, partial
  BOOST_TEST(c.alloc() == first[3]);
  void* from_free = c.alloc();
  BOOST_TEST((std::find(second.begin(), second.end(), from_free) != second.end()));
  BOOST_TEST(pages_in_use() == pages);
  const auto rest = alloc_many(c, per_slab);
  BOOST_TEST(pages_in_use() == 3 * c.layout().order.pages().value());
  for (void* object : first) c.free(object);
  for (void* object : rest) c.free(object);
  c.free(from_free);
}

BOOST_AUTO_TEST_CASE(the_constructor_runs_once_for_each_object) {
  constructed = 0;
  KmemCache& c = cache("test", 256, count_and_fill);
  const uint32_t per_slab = c.layout().objects;
  for (int round = 0; round < 10; ++round) {
    for (void* object : alloc_many(c, per_slab)) c.free(object);
  }
  BOOST_TEST(constructed == static_cast<int>(per_slab));
}

BOOST_AUTO_TEST_CASE(an_object_comes_back_as_it_was_freed) {
  KmemCache& c = cache("test", 256, count_and_fill);
  auto* object = static_cast<unsigned char*>(c.alloc());
  BOOST_TEST(static_cast<int>(object[0]) == 0x5c);
  BOOST_TEST(static_cast<int>(object[255]) == 0x5c);
  object[7] = 0x77;
  c.free(object);
  auto* again = static_cast<unsigned char*>(c.alloc(kGfpKernel | kGfpFlagZero));
  BOOST_TEST(again == object);
  BOOST_TEST(static_cast<int>(again[7]) == 0x77);
  BOOST_TEST(static_cast<int>(again[8]) == 0x5c);
  c.free(again);
}

BOOST_AUTO_TEST_CASE(zeroed_objects_are_zero_and_their_neighbours_are_not_touched) {
  KmemCache& c = cache("test", 40);
  auto* first = static_cast<char*>(c.alloc());
  auto* second = static_cast<char*>(c.alloc());
  std::memset(first, 1, 40);
  std::memset(second, 2, 40);
  c.free(first);
  auto* again = static_cast<char*>(c.alloc(kGfpKernel | kGfpFlagZero));
  BOOST_TEST(again == first);
  BOOST_TEST(std::count(again, again + 40, 0) == 40);
  BOOST_TEST(std::count(second, second + 40, 2) == 40);
  c.free(again);
  c.free(second);
}

BOOST_AUTO_TEST_CASE(successive_slabs_start_at_successive_colours) {
  KmemCache& c = cache("test", 640);
  const CacheLayout& layout = c.layout();
  BOOST_REQUIRE(layout.colours > 2u);
  std::vector<void*> all;
  for (uint32_t slab = 0; slab < layout.colours + 1; ++slab) {
    const auto objects = alloc_many(c, layout.objects);
    const auto first =
        reinterpret_cast<uintptr_t>(*std::min_element(objects.begin(), objects.end()));
    BOOST_TEST(first % layout.order.bytes() == (slab % layout.colours) * layout.colour_bytes);
    all.insert(all.end(), objects.begin(), objects.end());
  }
  for (void* object : all) c.free(object);
}

BOOST_AUTO_TEST_CASE(keeps_min_partial_free_slabs_and_returns_the_rest) {
  KmemCache& c = cache("test", 2048);
  const auto objects = alloc_many(c, c.layout().objects * 20);
  for (void* object : objects) c.free(object);
  BOOST_TEST(pages_in_use() == c.layout().min_partial * c.layout().order.pages().value());
  BOOST_TEST(c.shrink().value() == c.layout().min_partial * c.layout().order.pages().value());
  BOOST_TEST(pages_in_use() == 0u);
}

BOOST_AUTO_TEST_CASE(slabinfo_counts_objects_and_slabs) {
  KmemCache& c = cache("widget", 256);
  const auto objects = alloc_many(c, 20);
  BOOST_TEST(
      c.slabinfo() ==
      "widget                20     32    256   16    1 : tunables    0    0    0 : slabdata "
      "     2      2      0\n");
  for (void* object : objects) c.free(object);
}

BOOST_AUTO_TEST_CASE(no_memory_is_null) {
  KmemCache& c = cache("test", 4 << 20);
  std::vector<void*> objects;
  while (void* object = c.alloc(kGfpKernel | kGfpFlagMemalloc)) objects.push_back(object);
  BOOST_TEST(objects.size() == 12u);  // 48 of 64 MiB are not Movable
  BOOST_TEST(memory->slabs().events().sum(SlabEvent::kAllocFailure) == 1u);
  for (void* object : objects) c.free(object);
}

BOOST_AUTO_TEST_CASE(failslab_makes_allocations_fail) {
  KmemCache& c = cache("test", 64);
  memory->slabs().failslab().arm({.interval = 1, .probability = 100, .space = 0, .times = 2}, 1);
  BOOST_TEST(c.alloc() == nullptr);
  void* forced = c.alloc(kGfpKernel | kGfpFlagNofail);
  BOOST_TEST(forced != nullptr);
  BOOST_TEST(c.alloc() == nullptr);
  void* object = c.alloc();
  BOOST_TEST(object != nullptr);
  c.free(object);
  c.free(forced);
}

// ---- Mistakes. ----

BOOST_AUTO_TEST_CASE(a_double_free_is_reported_and_changes_nothing) {
  KmemCache& c = cache("widget", 128);
  void* kept = c.alloc();
  void* object = c.alloc();
  c.free(object);
  c.free(object);
  const std::string ruler(77, '=');
  const std::string line(77, '-');
  const std::string report = sink.last_raw();
  BOOST_TEST(report.find(ruler + "\nBUG widget: Object already free\n" + line + "\n\nSlab 0x") ==
             0u);
  BOOST_TEST(report.find(" objects=32 used=1\nObject 0x") != std::string::npos);
  BOOST_TEST(report.find(" @offset=128\n") != std::string::npos);
  BOOST_TEST(report.find("Freed by ") != std::string::npos);
  BOOST_TEST(c.active_objects() == 1u);
  BOOST_TEST(memory->misuses() == 1u);
  c.free(kept);
}

BOOST_AUTO_TEST_CASE(a_free_into_another_cache_is_reported) {
  KmemCache& mine = cache("mine", 64);
  KmemCache& other = cache("other", 64);
  void* object = mine.alloc();
  other.free(object);
  BOOST_TEST(sink.last_raw().find("BUG other: Object belongs to another cache") !=
             std::string::npos);
  BOOST_TEST(sink.last_raw().find(" objects=64 used=1 of cache mine\nObject 0x") !=
             std::string::npos);
  mine.free(object);
}

// A free that comes too late meets whatever its page is by then, and never what is no slab of ours.
BOOST_AUTO_TEST_CASE(a_stale_free_is_refused_whatever_became_of_the_slab) {
  KmemCache& c = cache("test", 100);
  KmemCache& other = cache("other", 100);
  void* stale = c.alloc();
  c.free(stale);
  c.shrink();
  c.free(stale);  // of nobody
  BOOST_TEST(memory->misuses() == 1u);
  std::vector<void*> objects;  // another cache's, at the same place
  const Memmap& memmap = memory->pages().memmap();
  while (memmap.owner_of(memmap.page_of(stale)) != PageOwner::kSlab) {
    objects.push_back(other.alloc());
  }
  c.free(stale);
  BOOST_TEST(memory->misuses() == 2u);
  BOOST_TEST(sink.last_raw().find("of cache other") != std::string::npos);
  for (void* object : objects) other.free(object);
  // The words that an owner finds are nobody's, whatever the last user left in them.
  Page* page = memory->pages().alloc_pages(kGfpKernel, Order(0));
  page->owner_words.fill(reinterpret_cast<uintptr_t>(&c));
  memory->pages().free_pages(page, Order(0));
  page = memory->pages().alloc_owned_pages(kGfpKernel, Order(0), PageOwner::kSlab, 0);
  memory->kfree(memory->pages().address_of(page));
  c.free(memory->pages().address_of(page));
  BOOST_TEST(memory->misuses() == 4u);
  memory->pages().free_owned_pages(*page, Order(0), PageOwner::kSlab, 0);
}

// Two threads free one object at once, while slabs come and go.
BOOST_AUTO_TEST_CASE(of_two_frees_at_once_one_is_refused) {
  for (const size_t size : {size_t{64}, kMaxOrder.bytes() / 4}) {
    KmemCache& c = cache("test-" + std::to_string(size), size);
    constexpr int kRounds = 3'000;
    const uint64_t before = memory->misuses();
    void* object = nullptr;
    int round = 0;
    const auto free_somehow = [&] {
      ++round % 2 == 0 ? c.free(object) : memory->kfree(object);
      c.shrink();
    };
    test::race(
        kRounds, [&] { object = c.alloc(); }, free_somehow, [&] { c.free(object); });
    BOOST_TEST(memory->misuses() - before == static_cast<uint64_t>(kRounds));
    BOOST_TEST(c.active_objects() == 0u);
  }
}

BOOST_AUTO_TEST_CASE(objects_lie_in_the_zone_of_their_cache_whatever_the_flags) {
  KmemCache& plain = cache("plain", 512);
  KmemCache& dma = **memory->create_cache({.name = "dma",
                                           .object_size = 512,
                                           .align = 0,
                                           .how = CacheAlign::kNatural,
                                           .ctor = nullptr,
                                           .zone = CacheZone::kDma});
  const auto mib_of = [&](const void* object) {
    return memory->pages().pfn_of(memory->pages().memmap().page_of(object)).value() / 256;
  };
  std::vector<std::pair<KmemCache*, void*>> objects;
  for (int i = 0; i < 200; ++i) {
    for (const Gfp gfp : {kGfpKernel, kGfpKernel | kGfpDma, kGfpKernel | kGfpDma32}) {
      objects.emplace_back(&plain, plain.alloc(gfp));
      BOOST_REQUIRE(mib_of(objects.back().second) >= 16u);
      objects.emplace_back(&dma, dma.alloc(gfp));
      BOOST_REQUIRE(mib_of(objects.back().second) < 16u);
    }
  }
  for (const auto& [cache, object] : objects) cache->free(object);
}

BOOST_AUTO_TEST_CASE(zero_and_a_constructor_contradict_each_other) {
  KmemCache& c = cache("test", 256, count_and_fill);
  void* object = c.alloc(kGfpKernel | kGfpFlagZero);
  BOOST_TEST(sink.last_raw().find("__GFP_ZERO for cache test, which has a constructor") !=
             std::string::npos);
  BOOST_TEST(memory->misuses() == 1u);
  c.free(object);
}

BOOST_AUTO_TEST_CASE(a_free_from_the_middle_is_reported) {
  KmemCache& c = cache("test", 64);
  auto* object = static_cast<char*>(c.alloc());
  c.free(object + 8);
  BOOST_TEST(sink.last_raw().find("BUG test: Invalid object pointer") != std::string::npos);
  c.free(object);
}

BOOST_AUTO_TEST_CASE(a_free_of_what_is_no_slab_is_reported) {
  KmemCache& c = cache("test", 64);
  int local = 0;
  c.free(&local);
  Page* page = memory->pages().alloc_pages(kGfpKernel, Order(0));
  c.free(memory->pages().address_of(page));
  memory->pages().free_pages(page, Order(0));
  BOOST_TEST(memory->misuses() == 2u);
  c.free(nullptr);
  BOOST_TEST(memory->misuses() == 2u);
}

BOOST_AUTO_TEST_CASE(pages_of_a_slab_cannot_be_freed_behind_its_back) {
  KmemCache& c = cache("test", 64);
  void* object = c.alloc();
  memory->pages().free_pages_at(
      reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(object) & ~(kPageSize - 1)),
      c.layout().order);
  BOOST_TEST(sink.last_raw().find("page is still in use by its owner") != std::string::npos);
  c.free(object);
}

BOOST_AUTO_TEST_CASE(shutdown_names_what_remains) {
  KmemCache& c = cache("leaky", 64);
  void* object = c.alloc();
  BOOST_TEST(memory->destroy_cache(&c) == 1u);
  BOOST_TEST(
      sink.last_raw().find("BUG leaky: Objects remaining in leaky on __kmem_cache_shutdown()") !=
      std::string::npos);
  BOOST_TEST(sink.last_raw().find("1 objects remain, 1 of them shown") != std::string::npos);
  c.free(object);
  BOOST_TEST(memory->destroy_cache(&c) == 0u);
}

#ifdef RING3_ASAN
BOOST_AUTO_TEST_CASE(a_free_object_is_poisoned) {
  KmemCache& c = cache("test", 100);
  auto* object = static_cast<char*>(c.alloc());
  BOOST_TEST(__asan_address_is_poisoned(object + 99) == 0);
  BOOST_TEST(__asan_address_is_poisoned(object + 100) == 1);
  c.free(object);
  BOOST_TEST(__asan_address_is_poisoned(object) == 1);
}
#endif

// Random operations beside a model that knows each object's contents.
BOOST_DATA_TEST_CASE(agrees_with_a_model_that_knows_every_object,
                     data::make({8, 24, 100, 640, 5000}), size) {
  KmemCache& c = cache("test", static_cast<size_t>(size));
  Prng prng(static_cast<uint64_t>(size));
  std::vector<std::pair<unsigned char*, unsigned char>> live;
  for (int step = 0; step < 20'000; ++step) {
    // Swells and shrinks, so that slabs become full and free.
    const bool swelling = step / 2500 % 2 == 0;
    if (live.empty() || prng.chance(swelling ? 3 : 1, 4)) {
      auto* object = static_cast<unsigned char*>(c.alloc());
      if (object == nullptr) continue;
      const auto mark = static_cast<unsigned char>(prng.next());
      std::memset(object, mark, static_cast<size_t>(size));
      live.emplace_back(object, mark);
    } else {
      std::swap(live[prng.below(live.size())], live.back());
      const auto [object, mark] = live.back();
      BOOST_REQUIRE(object[0] == mark);
      BOOST_REQUIRE(object[size - 1] == mark);
      c.free(object);
      live.pop_back();
    }
    if (step % 500 == 0) BOOST_REQUIRE(c.count_faults() == 0u);
    BOOST_REQUIRE(c.active_objects() == live.size());
  }
  for (const auto& [object, mark] : live) c.free(object);
}

BOOST_AUTO_TEST_CASE(threads_free_each_other_s_objects) {
  KmemCache& c = cache("test", 48);
  std::atomic<int> corrupt{0};
  std::array<std::atomic<uint64_t*>, 512> shared{};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Prng prng = Prng::stream(2, t);
      for (int i = 0; i < 30'000; ++i) {
        auto* object = static_cast<uint64_t*>(c.alloc());
        if (object != nullptr) {
          for (int w = 0; w < 6; ++w) object[w] = reinterpret_cast<uintptr_t>(object) + w;
        }
        // acq_rel: the contents travel with the pointer.
        uint64_t* old =
            shared[prng.below(shared.size())].exchange(object, std::memory_order_acq_rel);
        if (old == nullptr) continue;
        for (int w = 0; w < 6; ++w) corrupt += old[w] != reinterpret_cast<uintptr_t>(old) + w;
        c.free(old);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& slot : shared) c.free(slot.load());
  BOOST_TEST(corrupt == 0);
  BOOST_TEST(sink.count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
