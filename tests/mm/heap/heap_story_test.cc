// How malloc works, told in one piece: small blocks, frees that leave holes, a request that no hole
// fits, neighbours put together, the break, the limit.

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "tests/mm/heap/heap_fixture.h"

namespace ring3::mm {
namespace {

class Diary final : public HeapListener {
 public:
  void on_search(size_t bytes, uint64_t visited, const Block* found) override {
    add("looked at " + std::to_string(visited) + " for " + std::to_string(bytes) +
        (found != nullptr ? ": found" : ": none"));
  }
  void on_split(const Block& block, const Block& rest) override {
    add("split " + std::to_string(block.size) + " + " + std::to_string(rest.size));
  }
  void on_sweep(uint64_t visited, uint64_t merges) override {
    add("swept " + std::to_string(visited) + ", merged " + std::to_string(merges));
  }
  void on_break(const std::byte* from, const std::byte* to) override {
    add("break + " + std::to_string(to - from));
  }
  // What was written since it was last read.
  std::string read() { return std::exchange(text_, {}); }

 private:
  void add(const std::string& line) { text_ += (text_.empty() ? "" : "; ") + line; }
  std::string text_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_heap_story)

BOOST_AUTO_TEST_CASE(how_malloc_works) {
  Diary diary;
  HeapFixture f({.listener = &diary}, 8192);
  Heap& heap = *f.heap;

  // The first request finds an empty list: the break moves, by a page, which is cut in two.
  std::vector<void*> small{heap.malloc(100)};
  BOOST_TEST(diary.read() == "looked at 0 for 112: none; break + 4096; split 112 + 3920");
  // Many small blocks are cut off what is left, until little is.
  while (small.size() < 27) small.push_back(heap.malloc(100));
  BOOST_TEST(heap.usage().blocks == 28u);
  BOOST_TEST(f.window->size_bytes() == 4096u);
  diary.read();

  // Every block of the first twenty but two is freed: the list has holes, none larger than a block.
  for (size_t i = 0; i < 20; ++i) {
    if (i % 8 != 7) heap.free(small[i]);
  }
  BOOST_TEST(heap.usage().free_blocks == 18u + 1u);
  BOOST_TEST(heap.stats().merges == 0u);

  // A large request: no piece is large enough. Neighbours are put together, and it fits: the break
  // stays where it is.
  void* large = heap.malloc(900);
  BOOST_TEST(large == small[0]);
  BOOST_TEST(diary.read() ==
             "looked at 19 for 912: none; swept 19, merged 15; looked at 1 for 912: found; "
             "split 912 + 32");
  BOOST_TEST(f.window->size_bytes() == 4096u);

  // A larger one: nothing is left to put together, and the break must move.
  void* larger = heap.malloc(3000);
  BOOST_TEST(larger != nullptr);
  BOOST_TEST(diary.read() == "looked at 4 for 3008: none; break + 4096; split 3008 + 1232");
  BOOST_TEST(heap.end() == f.window->end());

  // And the limit: no memory, and the program is told.
  BOOST_TEST(heap.malloc(3000) == nullptr);
  BOOST_TEST(diary.read() == "looked at 4 for 3008: none");
  BOOST_TEST(heap.stats().failures == 1u);
  // What was freed can be had again.
  heap.free(larger);
  BOOST_TEST(heap.malloc(3000) == larger);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
