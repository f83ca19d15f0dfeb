// A shadow of every page frame says who owns it, while threads that hop between CPUs allocate and
// free blocks of all sizes and another drains: no frame ever has two owners, and none is lost.

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lib/os.h"
#include "lib/prng.h"
#include "tests/lib/cpu/percpu_fixture.h"
#include "tests/mm/pages/best_fit.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

constexpr size_t kBytes = size_t{256} << 20;
constexpr uint64_t kFrames = kBytes / kPageSize;
constexpr unsigned kThreads = 4;

// Ten million where nothing slows them down.
uint64_t operations() {
  const bool quick =
      std::string_view(RING3_BUILD) == "release" && percpu_mode() == PerCpuMode::kRseq;
  return quick ? 10'000'000 : 200'000;
}

class Shadow {
 public:
  void got(uint64_t first, uint64_t count, uint8_t who) {
    for (uint64_t i = first; i < first + count; ++i) {
      if (owners_[i].exchange(who, std::memory_order_relaxed) != 0) ++faults_;
    }
  }
  void gives(uint64_t first, uint64_t count, uint8_t who) {
    for (uint64_t i = first; i < first + count; ++i) {
      if (owners_[i].exchange(0, std::memory_order_relaxed) != who) ++faults_;
    }
  }
  uint64_t faults() const { return faults_; }

 private:
  std::vector<std::atomic<uint8_t>> owners_ = std::vector<std::atomic<uint8_t>>(kFrames);
  std::atomic<uint64_t> faults_{0};
};

void live(PageAllocator& pages, Shadow& shadow, unsigned thread) {
  const auto who = static_cast<uint8_t>(thread + 1);
  struct Block {
    Page* page;
    Order order;
  };
  std::vector<Block> held;
  Prng prng(thread);
  uint64_t mine = 0;
  const auto release = [&](size_t index) {
    const Block block = held[index];
    held[index] = held.back();
    held.pop_back();
    const uint64_t frames = block.order.pages().value();
    mine -= frames;
    shadow.gives(pages.pfn_of(block.page).value(), frames, who);
    pages.free_pages(block.page, block.order);
  };
  const uint64_t count = operations() / kThreads;
  for (uint64_t i = 0; i < count; ++i) {
    if (i % 4096 == 0) test::hop(i / 4096 + thread);
    // Mostly single pages, and now and then a large block.
    const Order order(
        static_cast<unsigned>(prng.chance(1, 256) ? prng.below(kOrders) : prng.below(8) / 3));
    Page* page = nullptr;
    if (mine < kFrames / 5 && prng.chance(1, 2)) {
      page = pages.alloc_pages(kGfpHighuserMovable | kGfpFlagNowarn, order);
    }
    if (page != nullptr) {
      shadow.got(pages.pfn_of(page).value(), order.pages().value(), who);
      held.push_back({page, order});
      mine += order.pages().value();
    } else if (!held.empty()) {
      release(prng.below(held.size()));
    }
  }
  while (!held.empty()) release(held.size() - 1);
}

void no_frame_has_two_owners_under(const PagePolicy& policy) {
  const auto pages =
      std::move(PageAllocator::create({.size_bytes = kBytes, .policy = &policy}).value());
  const auto before = pages->free_blocks();
  Shadow shadow;
  std::atomic<bool> stop{false};
  std::thread drainer([&] {
    while (!stop) {
      pages->drain_all();
      os::sleep_for(milliseconds(1));
    }
  });
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] { live(*pages, shadow, thread); });
  }
  for (std::thread& thread : threads) thread.join();
  stop = true;
  drainer.join();
  pages->drain_all();
  BOOST_TEST(shadow.faults() == 0u);
  BOOST_TEST(pages->count_faults() == 0u);
  BOOST_TEST(pages->misuses() == 0u);
  BOOST_CHECK(pages->free_blocks() == before);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_pages_page_shadow)

// What versions of the kernel decide differently, they decide under the same locks.
constexpr std::array<const PagePolicy*, 2> kDifferentlyLocked = {&kKernelPolicy, &kPackedPolicy};

BOOST_DATA_TEST_CASE(no_frame_has_two_owners, data::make(kDifferentlyLocked), policy) {
  no_frame_has_two_owners_under(*policy);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
