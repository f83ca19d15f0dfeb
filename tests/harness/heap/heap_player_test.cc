// What a process gets of its calls, and what it finds in its blocks.

#include "harness/heap/heap_player.h"

#include <boost/test/unit_test.hpp>

#include "harness/heap/heap_script.h"
#include "tests/mm/heap/heap_fixture.h"

namespace ring3::harness {
namespace {

struct PlayerFixture : mm::HeapFixture {
  void play(size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) BOOST_TEST(player.carry_out(program.calls[i]).text == "");
  }
  std::byte* block(uint32_t variable) { return const_cast<std::byte*>(player.pointer(variable)); }

  const HeapProgram program = make();
  HeapPlayer player{*heap, *window, program};

 private:
  static HeapProgram make() {
    HeapProgram made = parse_heap_script(
        "p = malloc 100\n"
        "q = malloc 50\n"
        "p = realloc p 300\n"
        "free q\n"
        "free p\n");
    made.uses_blocks = true;
    return made;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(harness_heap_player, PlayerFixture)

BOOST_AUTO_TEST_CASE(blocks_are_as_they_were_left) {
  play(0, 5);
  BOOST_TEST(player.corrupt_blocks() == 0u);
}

BOOST_AUTO_TEST_CASE(a_byte_that_another_wrote_is_found_at_free) {
  play(0, 3);
  block(1)[49] ^= std::byte{1};
  play(3, 4);
  BOOST_TEST(player.corrupt_blocks() == 1u);
  block(0)[0] ^= std::byte{1};
  play(4, 5);
  BOOST_TEST(player.corrupt_blocks() == 2u);
}

BOOST_AUTO_TEST_CASE(a_byte_that_another_wrote_is_found_at_realloc) {
  play(0, 2);
  block(0)[99] ^= std::byte{1};
  play(2, 5);
  BOOST_TEST(player.corrupt_blocks() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
