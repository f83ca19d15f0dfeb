// The heap beside a model that knows which bytes are whose, under random programs.

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iterator>
#include <map>

#include "lib/prng.h"
#include "tests/mm/heap/heap_fixture.h"

namespace ring3::mm {
namespace {

namespace data = boost::unit_test::data;

// A live block of the program: `bytes` at `data`, all of them `value`.
struct Live {
  std::byte* data;
  size_t bytes;
  std::byte value;
};

class Program {
 public:
  Program(HeapFixture& f, uint64_t seed) : f_(f), prng_(seed) {}

  void step() {
    // Grows for a while, shrinks for a while.
    const bool shrinks = steps_++ / 200 % 2 == 1;
    switch (prng_.below(shrinks ? 12 : 8)) {
      case 0: {
        const size_t count = 1 + prng_.below(10);
        const size_t each = size() / 8;
        own(f_.heap->calloc(count, each), count * each, Bytes::kZero);
        break;
      }
      case 1: {
        const size_t bytes = size();
        own(f_.heap->aligned_alloc(size_t{1} << prng_.below(13), bytes), bytes, Bytes::kAny);
        break;
      }
      case 2:
        reallocate();
        break;
      case 3:
        if (prng_.below(20) == 0) f_.heap->trim(prng_.below(8000));
        break;
      case 4:
      case 5: {
        const size_t bytes = size();
        own(f_.heap->malloc(bytes), bytes, Bytes::kAny);
        break;
      }
      default:
        release();
    }
    check();
  }
  void release_all() {
    while (!live_.empty()) release();
    check();
    BOOST_REQUIRE_EQUAL(f_.heap->usage().asked_bytes, 0u);
    BOOST_REQUIRE_EQUAL(f_.heap->usage().overhead_bytes(), 0u);
  }

 private:
  enum class Bytes { kAny, kZero };

  size_t size() { return prng_.below(prng_.below(10) == 0 ? 9000 : 200); }

  // The program has `bytes` at `at` now, unless it is null.
  void own(void* at, size_t bytes, Bytes expected) {
    if (at == nullptr) return;
    Live block{static_cast<std::byte*>(at), bytes, std::byte{0}};
    BOOST_REQUIRE(f_.heap->usable_size(block.data) >= bytes);
    const auto above = live_.lower_bound(block.data);
    BOOST_REQUIRE((above == live_.end() || block.data + bytes <= above->second.data));
    BOOST_REQUIRE((above == live_.begin() ||
                   std::prev(above)->second.data + std::prev(above)->second.bytes <= block.data));
    if (expected == Bytes::kZero) verify(block);
    if (bytes != 0) BOOST_REQUIRE(f_.window->touch(block.data, bytes) <= Touch::kMinorFault);
    block.value = static_cast<std::byte>(prng_.below(256));
    std::fill_n(block.data, bytes, block.value);
    live_[block.data] = block;
  }
  void verify(const Live& block) {
    BOOST_REQUIRE(std::all_of(block.data, block.data + block.bytes,
                              [&](std::byte byte) { return byte == block.value; }));
  }
  std::map<std::byte*, Live>::iterator any() {
    auto chosen = live_.begin();
    std::advance(chosen, static_cast<ptrdiff_t>(prng_.below(live_.size())));
    return chosen;
  }
  void release() {
    if (live_.empty()) return;
    const auto chosen = any();
    verify(chosen->second);
    f_.heap->free(chosen->second.data);
    live_.erase(chosen);
  }
  void reallocate() {
    if (live_.empty()) return;
    const auto chosen = any();
    Live block = chosen->second;
    const size_t bytes = 1 + size();
    auto* to = static_cast<std::byte*>(f_.heap->realloc(block.data, bytes));
    if (to == nullptr) return verify(block);
    live_.erase(chosen);
    verify({to, std::min(bytes, block.bytes), block.value});
    own(to, bytes, Bytes::kAny);
  }
  void check() {
    const std::string wrong = f_.heap->check();
    BOOST_REQUIRE_MESSAGE(wrong.empty(), wrong);
  }

  HeapFixture& f_;
  Prng prng_;
  std::map<std::byte*, Live> live_;
  int steps_ = 0;
};

constexpr Coalescing kBoth[] = {Coalescing::kDeferred, Coalescing::kImmediate};

}  // namespace

BOOST_AUTO_TEST_SUITE(mm_heap_model)

BOOST_DATA_TEST_CASE(nobody_gets_what_another_owns, data::make(kAllFitPolicies) * data::make(kBoth),
                     policy, coalescing) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    // The limit is reached in some.
    HeapFixture f({.policy = &policy, .coalescing = coalescing},
                  seed % 2 == 0 ? size_t{48} << 10 : size_t{1} << 20);
    Program program(f, seed);
    for (int step = 0; step < 2000; ++step) program.step();
    program.release_all();
    f.heap->trim(0);
    BOOST_TEST(f.window->size_bytes() == 0u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::mm
