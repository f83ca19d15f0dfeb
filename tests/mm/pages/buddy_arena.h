#pragma once

// The free blocks of frames that nobody touches, under any policy, whose end proves that its
// invariants hold.

#include <boost/test/unit_test.hpp>

#include <memory>
#include <utility>
#include <vector>

#include "tests/mm/pages/best_fit.h"

namespace ring3::mm {

// Frames [0, pages), of which the policy governs [start, pages).
struct BuddyArena {
  explicit BuddyArena(const PagePolicy& policy, uint64_t pages = 4096, uint64_t start = 0)
      : frames(std::move(FrameTables::create(PageCount(pages)).value())),
        memmap(frames.memmap(nullptr)),
        free(std::move(policy.make(memmap, Pfn(start), Pfn(pages)).value())) {}
  ~BuddyArena() { BOOST_TEST(free->count_faults() == 0u); }

  // A block that is allocated from now on; false when there is none.
  bool try_take(unsigned order, Frame& head) {
    if (free->take(Order(order), Migratetype::kMovable, Reach::kMixing, {&head, 1}) == 0)
      return false;
    BOOST_REQUIRE((memmap.state(Pfn(head)) == FrameState()));
    memmap.set_state(Pfn(head), FrameState::allocated(Order(order)));
    return true;
  }
  Frame take(unsigned order) {
    Frame head = 0;
    BOOST_REQUIRE(try_take(order, head));
    return head;
  }
  void put(Frame head, unsigned order) {
    memmap.set_state(Pfn(head), {});
    BOOST_REQUIRE(free->put(Order(order), {&head, 1}) == 1u);
  }
  std::vector<uint64_t> blocks() const {
    const auto counts = free->free_blocks();
    return {counts.begin(), counts.end()};
  }
  uint64_t blocks(unsigned order) const { return free->free_blocks()[order]; }

  FrameTables frames;
  Memmap memmap;
  std::unique_ptr<FreeBlocks> free;
};

}  // namespace ring3::mm
