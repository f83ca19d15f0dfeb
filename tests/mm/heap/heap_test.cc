// What each call promises, and what the blocks look like after it.

#include "mm/heap/heap.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/mm/heap/heap_fixture.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

const HeapConfig kImmediate{.coalescing = Coalescing::kImmediate};

bool is_all(const std::byte* data, size_t bytes, int value) {
  return std::accumulate(data, data + bytes, true, [value](bool all, std::byte byte) {
    return all && byte == static_cast<std::byte>(value);
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_heap)

BOOST_AUTO_TEST_CASE(blocks_are_cut_one_after_another) {
  HeapFixture f;
  std::byte* a = f.filled(1, 1);
  std::byte* b = f.filled(17, 2);
  BOOST_TEST(a == f.window->start() + sizeof(Block));
  BOOST_TEST(b == a + 16 + sizeof(Block));
  BOOST_TEST(f.picture() == "used 16 used 32 free 3952");
  BOOST_TEST(f.heap->usable_size(a) == 16u);
  BOOST_TEST(f.heap->usable_size(b) == 32u);
  BOOST_TEST(f.heap->usage().asked_bytes == 18u);
  BOOST_TEST(f.heap->usage().overhead_bytes() == 2 * sizeof(Block) + 30);
}

BOOST_AUTO_TEST_CASE(nothing_asked_for_is_a_block_of_its_own) {
  HeapFixture f;
  void* a = f.heap->malloc(0);
  void* b = f.heap->malloc(0);
  BOOST_TEST(a != nullptr);
  BOOST_TEST(a != b);
  f.heap->free(nullptr);
  BOOST_TEST(f.heap->usable_size(nullptr) == 0u);
  BOOST_TEST(f.heap->usage().asked_bytes == 0u);
}

// A header and a word must be left over; with less the block is given whole.
BOOST_AUTO_TEST_CASE(a_rest_too_small_for_a_block_is_not_cut_off) {
  HeapFixture f;
  std::byte* a = f.filled(128, 1);
  f.filled(16, 2);
  f.heap->free(a);
  BOOST_TEST(f.heap->malloc(96) == a);
  BOOST_TEST(f.heap->usable_size(a) == 128u);
  BOOST_TEST(f.heap->usage().asked_bytes == 96u + 16u);
  f.heap->free(a);
  BOOST_TEST(f.heap->malloc(80) == a);
  BOOST_TEST(f.picture() == "used 80 free 16 used 16 free 3856");
}

BOOST_AUTO_TEST_CASE(sizes_that_cannot_be_are_null) {
  HeapFixture f;
  void* kept = f.heap->malloc(10);
  for (const size_t bytes : {SIZE_MAX, SIZE_MAX - 15, SIZE_MAX / 2, SIZE_MAX / 2 - 20,
                             size_t{1} << 20, (size_t{1} << 20) - sizeof(Block) + 1}) {
    BOOST_TEST(f.heap->malloc(bytes) == nullptr);
    BOOST_TEST(f.heap->realloc(kept, bytes) == nullptr);
    BOOST_TEST(f.heap->calloc(1, bytes) == nullptr);
    BOOST_TEST(f.heap->aligned_alloc(64, bytes) == nullptr);
  }
  BOOST_TEST(f.heap->calloc(SIZE_MAX / 2, 3) == nullptr);
  BOOST_TEST(f.heap->aligned_alloc(48, 10) == nullptr);
  BOOST_TEST(f.heap->aligned_alloc(0, 10) == nullptr);
  BOOST_TEST(f.heap->aligned_alloc(size_t{1} << 63, 10) == nullptr);
  BOOST_TEST(f.heap->stats().failures == 6 * 4 + 4);
  BOOST_TEST(f.heap->usage().asked_bytes == 10u);
}

BOOST_AUTO_TEST_CASE(the_limit_can_be_had_to_the_last_byte) {
  HeapFixture f({}, 8192 + 4096 - 48);
  BOOST_TEST(f.window->limit_bytes() == 12288u);
  BOOST_TEST(f.heap->malloc(12288 - sizeof(Block)) != nullptr);
  BOOST_TEST(f.heap->malloc(0) == nullptr);
}

BOOST_AUTO_TEST_CASE(calloc_is_zero_where_another_has_written) {
  HeapFixture f;
  f.heap->free(f.filled(5000, 0xff));
  auto* data = static_cast<std::byte*>(f.heap->calloc(100, 49));
  BOOST_TEST(is_all(data, 4900, 0));
  BOOST_TEST(f.heap->calloc(0, 8) != nullptr);
}

// ---- realloc ----

BOOST_AUTO_TEST_CASE(realloc_shrinks_in_place) {
  HeapFixture f;
  std::byte* a = f.filled(1000, 5);
  BOOST_TEST(f.heap->realloc(a, 100) == a);
  BOOST_TEST(is_all(a, 100, 5));
  BOOST_TEST(f.picture() == "used 112 free 864 free 3024");
  BOOST_TEST(f.heap->usage().asked_bytes == 100u);
}

BOOST_AUTO_TEST_CASE(realloc_grows_into_the_free_block_above) {
  HeapFixture f(kImmediate);
  std::byte* a = f.filled(100, 5);
  std::byte* b = f.filled(200, 6);
  f.filled(300, 7);
  f.heap->free(b);
  BOOST_TEST(f.heap->realloc(a, 250) == a);
  BOOST_TEST(f.picture() == "used 256 free 64 used 304 free 3344");
  BOOST_TEST(f.heap->realloc(a, 336) == a);
  BOOST_TEST(f.picture() == "used 352 used 304 free 3344");
  BOOST_TEST(is_all(a, 100, 5));
}

BOOST_AUTO_TEST_CASE(realloc_of_the_last_block_moves_the_break) {
  HeapFixture f;
  std::byte* a = f.filled(100, 5);
  BOOST_TEST(f.heap->realloc(a, 20'000) == a);
  BOOST_TEST(f.window->size_bytes() == 20'480u);
  // Nothing is free above it: the break gives it all.
  std::byte* b = f.filled(20'480 - 20'000 - 2 * sizeof(Block), 6);
  BOOST_TEST(f.heap->usage().free_blocks == 0u);
  BOOST_TEST(f.heap->realloc(b, 600) == b);
  BOOST_TEST(is_all(a, 100, 5));
}

BOOST_AUTO_TEST_CASE(realloc_moves_when_it_must_and_keeps_the_bytes) {
  HeapFixture f;
  std::byte* a = f.filled(100, 5);
  f.filled(16, 6);
  auto* b = static_cast<std::byte*>(f.heap->realloc(a, 200));
  BOOST_TEST(b != a);
  BOOST_TEST(is_all(b, 100, 5));
  BOOST_TEST(f.picture() == "free 112 used 16 used 208 free 3632");
  BOOST_TEST(f.heap->malloc(112) == a);
}

// Of the old block, which ends at the break, no more is read than was asked for.
BOOST_AUTO_TEST_CASE(realloc_moves_down_when_the_break_cannot_rise) {
  HeapFixture f({}, 8192);
  std::byte* a = f.filled(5000, 5);
  std::byte* b = f.filled(8192 - 5008 - 2 * sizeof(Block), 6);
  BOOST_TEST(f.heap->usage().free_blocks == 0u);
  const size_t bytes = f.heap->usable_size(b);
  f.heap->free(a);
  BOOST_TEST(f.heap->realloc(b, 5000) == a);
  BOOST_TEST(is_all(a, bytes, 6));
}

BOOST_AUTO_TEST_CASE(realloc_of_null_and_to_nothing) {
  HeapFixture f;
  void* a = f.heap->realloc(nullptr, 50);
  BOOST_TEST(f.heap->usage().asked_bytes == 50u);
  BOOST_TEST(f.heap->realloc(a, 0) == nullptr);
  BOOST_TEST(f.heap->usage().asked_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(what_realloc_cannot_enlarge_stays) {
  HeapFixture f({}, 8192);
  std::byte* a = f.filled(4000, 5);
  f.filled(16, 6);
  BOOST_TEST(f.heap->realloc(a, 7000) == nullptr);
  BOOST_TEST(is_all(a, 4000, 5));
  BOOST_TEST(f.heap->usable_size(a) == 4000u);
}

// ---- Alignment ----

BOOST_DATA_TEST_CASE(data_lie_at_the_alignment, data::make({1, 2, 8, 16, 32, 64, 128, 4096, 65536}),
                     alignment) {
  HeapFixture f;
  for (size_t bytes : {0u, 1u, 31u, 100u, 5000u}) {
    f.heap->malloc(bytes / 3);
    auto* data =
        static_cast<std::byte*>(f.heap->aligned_alloc(static_cast<size_t>(alignment), bytes));
    BOOST_REQUIRE(data != nullptr);
    BOOST_TEST(reinterpret_cast<uintptr_t>(data) % static_cast<size_t>(alignment) == 0u);
    BOOST_TEST(f.heap->usable_size(data) >= bytes);
    BOOST_TEST(f.heap->usable_size(data) < bytes + 64);
    BOOST_TEST(f.heap->check() == "");
  }
}

// ---- Free neighbours ----

BOOST_AUTO_TEST_CASE(immediate_coalescing_leaves_no_two_free_neighbours) {
  HeapFixture f(kImmediate);
  std::byte* a = f.filled(16, 1);
  std::byte* b = f.filled(16, 2);
  std::byte* c = f.filled(16, 3);
  f.heap->free(a);
  f.heap->free(c);
  BOOST_TEST(f.picture() == "free 16 used 16 free 3968");
  f.heap->free(b);
  BOOST_TEST(f.picture() == "free 4064");
  BOOST_TEST(f.heap->stats().merges == 3u);
  BOOST_TEST(f.heap->stats().sweeps == 0u);
}

BOOST_AUTO_TEST_CASE(deferred_coalescing_waits_until_nothing_fits) {
  HeapFixture f;
  std::byte* a = f.filled(16, 1);
  std::byte* b = f.filled(16, 2);
  f.heap->free(b);
  f.heap->free(a);
  BOOST_TEST(f.picture() == "free 16 free 16 free 3968");
  BOOST_TEST(f.heap->stats().merges == 0u);
  BOOST_TEST(f.heap->malloc(4010) == a);
  BOOST_TEST(f.picture() == "used 4016 free 16");
  // With nothing to put together the list is not swept again.
  BOOST_TEST(f.heap->malloc(4010) != nullptr);
  BOOST_TEST(f.heap->stats().sweeps == 1u);
}

// ---- The break ----

BOOST_AUTO_TEST_CASE(trim_gives_the_end_back) {
  HeapFixture f;
  std::byte* a = f.filled(100, 1);
  std::byte* b = f.filled(20'000, 2);
  BOOST_TEST(f.window->resident_pages().value() == 5u);
  f.heap->free(b);
  BOOST_TEST(f.heap->trim(5000));
  BOOST_TEST(f.picture() == "used 112 free 5008");
  BOOST_TEST(f.window->resident_pages().value() == 2u);
  BOOST_TEST(!f.heap->trim(5000));
  BOOST_TEST(f.heap->trim(0));
  BOOST_TEST(f.picture() == "used 112");
  BOOST_TEST(f.window->size_bytes() == sizeof(Block) + 112);
  BOOST_TEST(!f.heap->trim(0));
  f.heap->free(a);
  BOOST_TEST(f.heap->trim(0));
  BOOST_TEST(f.window->size_bytes() == 0u);
  BOOST_TEST(f.heap->malloc(1) == a);
}

BOOST_DATA_TEST_CASE(what_another_took_from_the_break_stays_his,
                     data::make({Coalescing::kDeferred, Coalescing::kImmediate}), coalescing) {
  HeapFixture f({.coalescing = coalescing});
  std::byte* a = f.filled(4000, 1);
  std::byte* others = static_cast<std::byte*>(f.window->sbrk(1000));
  BOOST_TEST(others == f.window->start() + 4096);
  f.window->touch(others, 1000);
  std::memset(others, 9, 1000);
  std::byte* b = f.filled(4000, 2);
  BOOST_TEST(b >= others + 1000);
  BOOST_TEST(f.heap->check() == "");
  // Blocks on both sides are free, and yet no neighbours.
  f.heap->free(a);
  f.heap->free(b);
  BOOST_TEST(f.heap->usage().blocks == (coalescing == Coalescing::kDeferred ? 4u : 2u));
  BOOST_TEST(f.heap->check() == "");
  BOOST_TEST(f.heap->malloc(8000) != nullptr);
  BOOST_TEST(is_all(others, 1000, 9));
  BOOST_TEST(f.heap->check() == "");
}

// Memory ran out before the limit was reached: the same as the limit, to the caller.
BOOST_AUTO_TEST_CASE(without_a_page_for_a_header_nothing_changes) {
  HeapFixture f({}, size_t{64} << 20, size_t{4} << 20);
  std::vector<std::byte*> all;
  for (;;) {
    auto* data = static_cast<std::byte*>(f.heap->malloc(4096 * 3));
    if (data == nullptr) break;
    all.push_back(data);
    f.window->touch(data, 4096 * 3);
  }
  BOOST_TEST(all.size() > 300u);
  BOOST_TEST(f.heap->check() == "");
  BOOST_TEST(f.heap->stats().failures == 1u);
  for (std::byte* data : all) f.heap->free(data);
  // One block again, whose pages can go: there is memory again.
  BOOST_TEST(f.heap->trim(0));
  BOOST_TEST(f.window->resident_pages().value() == 0u);
  BOOST_TEST(f.heap->calloc(100, 4096) != nullptr);
  BOOST_TEST(f.heap->calloc(8000, 4096) == nullptr);
  BOOST_TEST(f.heap->check() == "");
}

BOOST_AUTO_TEST_CASE(it_works_over_the_process_s_own_break) {
  std::thread([] {
    const auto own = std::move(ProcessBreak::create(size_t{1} << 20).value());
    std::byte* before = own->end();
    {
      const auto heap = std::move(Heap::create(*own, {}).value());
      std::vector<std::byte*> blocks;
      for (int i = 0; i < 100; ++i) {
        blocks.push_back(static_cast<std::byte*>(heap->malloc(1000)));
        std::memset(blocks.back(), i, 1000);
      }
      for (size_t i = 0; i < 100; ++i) {
        BOOST_TEST(is_all(blocks[i], 1000, static_cast<int>(i)));
        heap->free(blocks[i]);
      }
      BOOST_TEST(heap->check() == "");
      BOOST_TEST(heap->malloc(50'000) == blocks[0]);
    }
    BOOST_TEST(own->end() == before);
  }).join();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
