// What is done before a request is refused: shrinkers give back, and somebody is told that memory
// has run out.

#include "mm/pages/reclaim.h"

#include <fmt/format.h>

#include <boost/test/unit_test.hpp>

#include <thread>
#include <vector>

#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {
namespace {

constexpr Gfp kWaits = kGfpKernel | kGfpFlagNowarn;

// Keeps pages that it can do without.
class Hoard final : public Shrinker {
 public:
  explicit Hoard(PageAllocator& pages) : pages_(pages) {}
  ~Hoard() override { scan(count()); }

  PageCount count() const override { return PageCount(held_.size()); }
  PageCount scan(PageCount most) override {
    asked_.push_back(most.value());
    PageCount given{0};
    for (; given < most && !held_.empty(); given += PageCount(1)) {
      pages_.free_pages(held_.back(), Order(0));
      held_.pop_back();
    }
    return given;
  }

  // All that a request that may wait is given.
  void take_all() {
    while (Page* page = pages_.alloc_pages(kWaits, Order(0))) held_.push_back(page);
  }
  const std::vector<uint64_t>& asked() const { return asked_; }

 private:
  PageAllocator& pages_;
  std::vector<Page*> held_;
  std::vector<uint64_t> asked_;
};

struct ReclaimFixture : PagesFixture {
  ReclaimFixture() {
    hoard.take_all();
    BOOST_REQUIRE(pages->reclaim().add(hoard).ok());
  }
  ~ReclaimFixture() { pages->reclaim().remove(hoard); }

  Hoard hoard{*pages};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_pages_reclaim, ReclaimFixture)

BOOST_AUTO_TEST_CASE(shrinkers_give_back_before_a_request_is_refused) {
  const uint64_t held = hoard.count().value();
  Page* page = alloc(kWaits, 0);
  BOOST_TEST(page != nullptr);
  // Small parts of what there is at first, and larger ones until a cluster of 32 pages has come.
  uint64_t asked = 0;
  for (const uint64_t part : hoard.asked()) {
    BOOST_TEST(asked < 32u);
    BOOST_TEST(part >= asked);
    asked += part;
  }
  BOOST_TEST(asked >= 32u);
  BOOST_TEST(asked < held / 100);
  const VmEvents events = pages->vm_events();
  BOOST_TEST(events.slabs_scanned == asked);
  const std::string vmstat = vmstat_text(pages->zone_facts(), events);
  BOOST_TEST(vmstat.find("\nallocstall_dma32 1\n") != std::string::npos);
  BOOST_TEST(vmstat.find(fmt::format("\nslabs_scanned {}\n", events.slabs_scanned)) !=
             std::string::npos);
  free(page, 0);
}

BOOST_AUTO_TEST_CASE(a_large_request_gets_as_much_as_it_takes) {
  Page* page = alloc(kWaits, 9);
  BOOST_TEST(page != nullptr);
  BOOST_TEST(hoard.asked().size() > 1u);
  free(page, 9);
}

BOOST_AUTO_TEST_CASE(who_may_not_wait_asks_nobody) {
  BOOST_TEST(alloc(kGfpNowait, 0) == nullptr);
  {
    AllocScopeGuard scope(AllocScope::kMemalloc);
    while (Page* page = alloc(kWaits | kGfpFlagNomemalloc, 0)) free(page, 0);
  }
  BOOST_TEST(hoard.asked().empty());
}

BOOST_AUTO_TEST_CASE(all_is_given_at_last_and_then_it_is_refused) {
  std::vector<Page*> held;
  while (Page* page = alloc(kWaits, 0)) held.push_back(page);
  BOOST_TEST(hoard.count().value() == 0u);
  BOOST_TEST(held.size() >= 8000u);
  // With nothing to give, nobody is asked.
  const size_t asked = hoard.asked().size();
  BOOST_TEST(alloc(kWaits, 0) == nullptr);
  BOOST_TEST(hoard.asked().size() == asked);
  for (Page* page : held) free(page, 0);
}

BOOST_AUTO_TEST_CASE(there_is_room_for_sixteen_shrinkers) {
  std::vector<std::unique_ptr<Hoard>> more;
  for (size_t i = 1; i < Reclaim::kMaxShrinkers; ++i) {
    more.push_back(std::make_unique<Hoard>(*pages));
    BOOST_TEST(pages->reclaim().add(*more.back()).ok());
  }
  Hoard one_too_many(*pages);
  const Status refused = pages->reclaim().add(one_too_many);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().message == "there are 16 shrinkers already");
  for (const auto& hoard_of : more) pages->reclaim().remove(*hoard_of);
  BOOST_TEST(pages->reclaim().add(one_too_many).ok());
  pages->reclaim().remove(one_too_many);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(mm_pages_out_of_memory)

namespace {

// An allocator that is used up, and somebody who frees `helps` times.
struct Exhausted {
  explicit Exhausted(unsigned helps)
      : pages(std::move(PageAllocator::create({.size_bytes = size_t{4} << 20,
                                               .policy = &test::page_policy(),
                                               .out_of_memory =
                                                   [this, helps](Gfp, Order order) {
                                                     orders.push_back(order.value());
                                                     if (orders.size() > helps) return false;
                                                     for (int i = 0; i < 64; ++i) {
                                                       pages->free_pages(held.back(), Order(0));
                                                       held.pop_back();
                                                     }
                                                     return true;
                                                   }})
                            .value())) {
    while (Page* page = pages->alloc_pages(kGfpNowait, Order(0))) held.push_back(page);
  }
  ~Exhausted() {
    for (Page* page : held) pages->free_pages(page, Order(0));
  }
  bool serves(Gfp gfp, unsigned order) {
    Page* page = pages->alloc_pages(gfp, Order(order));
    pages->free_pages(page, Order(order));
    return page != nullptr;
  }

  std::vector<unsigned> orders;  // that were asked for
  std::vector<Page*> held;
  std::unique_ptr<PageAllocator> pages;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_small_request_is_tried_again_when_somebody_has_freed_memory) {
  Exhausted exhausted(1);
  BOOST_TEST(exhausted.serves(kWaits, 0));
  BOOST_TEST(exhausted.orders == std::vector<unsigned>{0});
  BOOST_TEST(exhausted.pages->vm_events().oom_kills == 1u);
}

BOOST_AUTO_TEST_CASE(nobody_is_told_for_who_can_do_without) {
  Exhausted exhausted(100);
  BOOST_TEST(!exhausted.serves(kGfpNowait, 0));
  BOOST_TEST(!exhausted.serves(kWaits | kGfpFlagNoretry, 0));
  BOOST_TEST(!exhausted.serves(kWaits | kGfpFlagRetryMayfail, 0));
  BOOST_TEST(!exhausted.serves(kWaits, 4));
  BOOST_TEST(exhausted.orders.empty());
  BOOST_TEST(exhausted.serves(kWaits, 0));
  BOOST_TEST(exhausted.orders.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_helper_who_frees_too_little_is_not_asked_for_ever) {
  Exhausted exhausted(0);
  BOOST_TEST(!exhausted.serves(kWaits, 3));
  BOOST_TEST(exhausted.orders == std::vector<unsigned>{3});
  BOOST_TEST(exhausted.serves(kWaits | kGfpFlagNofail, 0));
}

// Threads that take what another thread's shrinker has, while shrinkers come and go.
BOOST_AUTO_TEST_CASE(requests_reclaim_while_shrinkers_come_and_go) {
  const auto pages = std::move(
      PageAllocator::create({.size_bytes = size_t{16} << 20, .policy = &test::page_policy()})
          .value());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        std::vector<Page*> held;
        for (int i = 0; i < 1500; ++i) {
          if (Page* page = pages->alloc_pages(kWaits, Order(0))) held.push_back(page);
        }
        for (Page* page : held) pages->free_pages(page, Order(0));
      }
    });
  }
  for (int round = 0; round < 50; ++round) {
    Hoard hoard(*pages);
    hoard.take_all();
    BOOST_REQUIRE(pages->reclaim().add(hoard).ok());
    std::this_thread::yield();
    pages->reclaim().remove(hoard);
  }
  for (std::thread& thread : threads) thread.join();
  pages->drain_all();
  BOOST_TEST(pages->allocated_pages().value() == 0u);
  BOOST_TEST(pages->count_faults() == 0u);
  BOOST_TEST(pages->misuses() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
