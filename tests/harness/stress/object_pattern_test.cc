#include "harness/stress/object_pattern.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <span>
#include <vector>

namespace ring3::harness {
namespace {

namespace data = boost::unit_test::data;

struct Buffer {
  explicit Buffer(size_t bytes) : memory(bytes + 1, std::byte{0x55}) {}
  Object object() { return {.address = memory.data(), .bytes = memory.size() - 1, .nonce = 77}; }
  std::vector<std::byte> memory;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_stress_object_pattern)

BOOST_DATA_TEST_CASE(every_flipped_byte_of_a_whole_pattern_is_found,
                     data::make({1, 7, 8, 9, 16, 31, 33, 64, 100}), bytes) {
  Buffer buffer(static_cast<size_t>(bytes));
  write_pattern(buffer.object(), PatternDepth::kWhole);
  BOOST_TEST(!check_pattern(buffer.object(), PatternDepth::kWhole));
  for (std::byte& byte : std::span(buffer.memory.data(), static_cast<size_t>(bytes))) {
    byte ^= std::byte{1};
    BOOST_TEST(check_pattern(buffer.object(), PatternDepth::kWhole).has_value());
    byte ^= std::byte{1};
  }
}

BOOST_DATA_TEST_CASE(the_first_and_last_bytes_are_always_checked,
                     data::make({1, 8, 15, 40, 100, 4096}), bytes) {
  Buffer buffer(static_cast<size_t>(bytes));
  write_pattern(buffer.object(), PatternDepth::kEnds);
  BOOST_TEST(!check_pattern(buffer.object(), PatternDepth::kEnds));
  for (const int at : {0, bytes - 1}) {
    buffer.memory[static_cast<size_t>(at)] ^= std::byte{1};
    BOOST_TEST(check_pattern(buffer.object(), PatternDepth::kEnds).has_value());
    buffer.memory[static_cast<size_t>(at)] ^= std::byte{1};
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_written_past_the_end) {
  for (size_t bytes = 0; bytes < 70; ++bytes) {
    Buffer buffer(bytes);
    write_pattern(buffer.object(), PatternDepth::kWhole);
    BOOST_TEST((buffer.memory[bytes] == std::byte{0x55}));
  }
}

BOOST_AUTO_TEST_CASE(another_life_has_another_pattern) {
  Buffer buffer(64);
  write_pattern(buffer.object(), PatternDepth::kWhole);
  Object next = buffer.object();
  ++next.nonce;
  const auto fault = check_pattern(next, PatternDepth::kWhole);
  BOOST_REQUIRE(fault.has_value());
  BOOST_TEST(fault->find("of 64 bytes is corrupt at offset 0") != std::string::npos);
}

// A pattern is of its place too: one object copied over another is found.
BOOST_AUTO_TEST_CASE(another_place_has_another_pattern) {
  Buffer buffer(64);
  write_pattern(buffer.object(), PatternDepth::kWhole);
  Buffer copy(64);
  copy.memory = std::vector<std::byte>(buffer.memory);
  BOOST_TEST(check_pattern(copy.object(), PatternDepth::kWhole).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
