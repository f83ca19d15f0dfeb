// Requests and frees from where nothing may be waited for.

#include <boost/test/unit_test.hpp>

#include <sys/time.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "lib/os.h"
#include "lib/prng.h"
#include "tests/mm/pages/pages_fixture.h"

namespace ring3::mm {
namespace {

// What the handler of SIGALRM does, and where.
PageAllocator* interrupted = nullptr;
std::atomic<uint64_t> given{0};
std::atomic<uint64_t> refused{0};
std::array<Page*, 16> kept{};  // those that it gives back at a later time, by turns

void on_alarm(int) {
  static uint64_t turn = 0;
  const Order order(static_cast<unsigned>(turn % 4));
  Page*& slot = kept[turn++ % kept.size()];
  interrupted->free_pages_nolock(slot, order);
  slot = interrupted->alloc_pages_nolock({}, order);
  (slot != nullptr ? given : refused).fetch_add(1, std::memory_order_relaxed);
}

// SIGALRM every 40 us for as long as it lives.
class Alarms {
 public:
  Alarms() {
    struct sigaction action {};
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, &before_);
    set(40);
  }
  ~Alarms() {
    set(0);
    sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  static void set(suseconds_t micros) {
    const itimerval timer{.it_interval = {0, micros}, .it_value = {0, micros}};
    setitimer(ITIMER_REAL, &timer, nullptr);
  }
  struct sigaction before_ {};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(mm_pages_page_nolock, PagesFixture)

BOOST_AUTO_TEST_CASE(it_gives_what_is_at_hand_and_takes_it_back) {
  for (unsigned order = 0; order < kOrders; ++order) {
    Page* page = pages->alloc_pages_nolock(kGfpFlagZero, Order(order));
    BOOST_REQUIRE(page != nullptr);
    BOOST_CHECK(pages->memmap().state_of(*page) == FrameState::allocated(Order(order)));
    const auto* bytes = static_cast<const char*>(pages->address_of(page));
    BOOST_TEST(bytes[0] == 0);
    BOOST_TEST(bytes[Order(order).bytes() - 1] == 0);
    pages->free_pages_nolock(page, Order(order));
    BOOST_TEST(pages->allocated_pages().value() == 0u);
  }
  BOOST_TEST(pages->count_of(PageEvent::kMmPageAlloc) == 11u);
  BOOST_TEST(pages->count_of(PageEvent::kMmPageFree) == 11u);
}

BOOST_AUTO_TEST_CASE(it_reports_no_wrong_request_but_a_wrong_free) {
  BOOST_CHECK(pages->alloc_pages_nolock(kGfpDma | kGfpDma32, Order(0)) == nullptr);
  BOOST_CHECK(pages->alloc_pages_nolock({}, Order(11)) == nullptr);
  BOOST_TEST(pages->misuses() == 0u);
  pages->free_pages_nolock(nullptr, Order(0));
  Page* page = alloc(kGfpKernel, 1);
  pages->free_pages_nolock(page, Order(0));
  BOOST_TEST(pages->misuses() == 1u);
  pages->free_pages_nolock(page, Order(1));
  pages->free_pages_nolock(page, Order(1));
  BOOST_TEST(pages->misuses() == 2u);
}

// Down to the min marks, whatever its flags say, and without a word.
BOOST_AUTO_TEST_CASE(it_leaves_the_reserves_alone) {
  std::vector<Page*> held;
  while (Page* page = pages->alloc_pages_nolock(kGfpAtomic, Order(0))) held.push_back(page);
  for (const ZoneFacts& zone : pages->zone_facts()) {
    if (zone.name == "DMA" || zone.name == "DMA32") BOOST_TEST(zone.free >= zone.marks.min.value());
  }
  Page* deeper = alloc(kGfpAtomic, 0);
  BOOST_TEST(deeper != nullptr);
  held.push_back(deeper);
  BOOST_TEST(failures.count() == 0u);
  for (Page* page : held) pages->free_pages_nolock(page, Order(0));
  // More than CPUs' lists hold, and all of it is there for who may wait.
  BOOST_TEST(pages->allocated_pages().value() == 0u);
  pages->drain_all();
  BOOST_TEST(pages->free_blocks()[Order::kMax] == 12u + 4u);
}

// A handler that interrupts the allocator anywhere, with its locks held or in the midst of a list.
BOOST_AUTO_TEST_CASE(a_signal_handler_may_call_it) {
  for (const bool page_owner : {false, true}) {
    auto arena = std::move(PageAllocator::create({.size_bytes = size_t{64} << 20,
                                                  .reports = &sink,
                                                  .policy = &test::page_policy(),
                                                  .failures = nullptr,
                                                  .page_owner = page_owner})
                               .value());
    interrupted = arena.get();
    given = 0;
    refused = 0;
    kept = {};
    Prng prng(7);
    std::vector<std::pair<Page*, Order>> held;
    // What a first call sets up for a thread, it does here.
    arena->free_pages(arena->alloc_pages(kGfpKernel, Order(0)), Order(0));
    {
      const Alarms alarms;
      const Nanos end = os::monotonic_now() + milliseconds(400);
      while (os::monotonic_now() < end) {
        for (int i = 0; i < 50; ++i) {
          const Order order(static_cast<unsigned>(prng.below(6)));
          if (held.size() < 100 || prng.chance(50, 100)) {
            Page* page = arena->alloc_pages(kGfpHighuserMovable, order);
            if (page != nullptr) held.emplace_back(page, order);
          } else {
            const auto [page, of] = held.back();
            held.pop_back();
            arena->free_pages(page, of);
          }
        }
        if (prng.chance(1, 10)) arena->drain_all();
      }
    }
    BOOST_TEST_MESSAGE("given " << given.load() << ", refused " << refused.load());
    BOOST_TEST(given.load() > 100u);
    for (const auto& [page, order] : held) arena->free_pages(page, order);
    for (size_t i = 0; i < kept.size(); ++i) {
      arena->free_pages_nolock(kept[i], Order(static_cast<unsigned>(i % 4)));
    }
    BOOST_TEST(arena->misuses() == 0u);
    BOOST_TEST(arena->allocated_pages().value() == 0u);
    arena->drain_all();
    BOOST_TEST(arena->count_faults() == 0u);
    BOOST_TEST(arena->free_blocks()[Order::kMax] == 16u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
