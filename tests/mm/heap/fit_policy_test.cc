// Which block each policy chooses, and what it looks at.

#include "mm/heap/fit_policy.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tests/mm/heap/heap_fixture.h"

namespace ring3::mm {
namespace {

// Free blocks of 64, 160, 96, 160, 96 and what is left, behind blocks in use.
struct Holes : HeapFixture {
  explicit Holes(const char* policy) : HeapFixture({.policy = fit_policy_named(policy)}) {
    for (const size_t bytes : {64u, 160u, 96u, 160u, 96u}) {
      holes.push_back(filled(bytes, 1));
      filled(16, 2);
    }
    for (std::byte* hole : holes) heap->free(hole);
  }
  // The hole that a block of `bytes` goes to: 1 to 5, or 6 for what is behind them all.
  size_t choice(size_t bytes) {
    auto* data = static_cast<std::byte*>(heap->malloc(bytes));
    for (size_t i = holes.size(); i > 0; --i) {
      if (data >= holes[i - 1]) return i == 5 && data > holes[4] + 16 ? 6 : i;
    }
    return 0;
  }
  uint64_t visited() { return heap->stats().visited - visited_before_; }

  std::vector<std::byte*> holes;
  uint64_t visited_before_ = heap->stats().visited;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_heap_fit_policy)

BOOST_AUTO_TEST_CASE(first_fit_takes_the_first) {
  Holes f("first");
  f.visited_before_ = f.heap->stats().visited;
  BOOST_TEST(f.choice(80) == 2u);
  BOOST_TEST(f.visited() == 2u);
  // What was left of it is looked at again.
  BOOST_TEST(f.choice(80) == 3u);
  BOOST_TEST(f.visited() == 2u + 3u);
}

BOOST_AUTO_TEST_CASE(next_fit_goes_around) {
  HeapFixture f({.policy = fit_policy_named("next")}, 4096);
  std::byte* a = f.filled(64, 1);
  std::byte* b = f.filled(64, 1);
  std::byte* c = f.filled(4096 - 2 * 96 - sizeof(Block), 1);
  BOOST_TEST(f.heap->usage().free_blocks == 0u);
  f.heap->free(a);
  f.heap->free(c);
  // It left off at the end: around to the first.
  BOOST_TEST(f.heap->malloc(64) == a);
  f.heap->free(a);
  // It left off behind a: c, although a fits too.
  BOOST_TEST(f.heap->malloc(64) == c);
  f.heap->free(b);
  // And on, behind what it took of c.
  BOOST_TEST(f.heap->malloc(64) == c + 64 + sizeof(Block));
}

BOOST_AUTO_TEST_CASE(best_fit_takes_the_smallest_that_fits) {
  Holes f("best");
  f.visited_before_ = f.heap->stats().visited;
  BOOST_TEST(f.choice(80) == 3u);
  BOOST_TEST(f.visited() == 6u);
  // None is better than one that fits exactly: the rest is not looked at.
  f.visited_before_ = f.heap->stats().visited;
  BOOST_TEST(f.choice(160) == 2u);
  BOOST_TEST(f.visited() == 2u);
  BOOST_TEST(f.choice(50) == 1u);
  BOOST_TEST(f.choice(1000) == 6u);
}

BOOST_AUTO_TEST_CASE(worst_fit_takes_the_largest) {
  Holes f("worst");
  BOOST_TEST(f.choice(16) == 6u);
  f.heap->malloc(3000);  // now it is the smallest
  BOOST_TEST(f.choice(16) == 2u);
  BOOST_TEST(f.choice(16) == 4u);
}

BOOST_AUTO_TEST_CASE(policies_have_names) {
  BOOST_TEST(fit_policy_named("best") == &kAllFitPolicies[2]);
  BOOST_TEST(fit_policy_named("quick") == nullptr);
}

// The cost of a list: n free blocks that do not fit are n that are looked at. What is freed and
// taken in order is not.
BOOST_DATA_TEST_CASE(only_searches_are_linear, boost::unit_test::data::make(kAllFitPolicies),
                     policy) {
  HeapFixture f({.policy = &policy}, size_t{64} << 20, size_t{64} << 20);
  constexpr size_t kHoles = 100'000;
  std::vector<void*> blocks;
  for (size_t i = 0; i < 2 * kHoles; ++i) blocks.push_back(f.heap->malloc(100));
  for (size_t i = 0; i < 2 * kHoles; i += 2) f.heap->free(blocks[i]);
  BOOST_TEST(f.heap->usage().free_blocks >= kHoles);
  // So far the list had one block, or none when the break had to move. Next fit sees the first one
  // again to know that it is around.
  const uint64_t again = policy.name == "next" ? 1 : 0;
  BOOST_TEST(f.heap->stats().longest_search <= 1u + again);
  const uint64_t listed = f.heap->usage().free_blocks;
  f.heap->malloc(5000);
  BOOST_TEST(f.heap->stats().longest_search == listed + again);
  // No two were neighbours: nothing was swept.
  BOOST_TEST(f.heap->stats().sweeps == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
