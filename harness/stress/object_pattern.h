#pragma once

// What a worker writes into an object it got, and checks before it gives it back: a sequence of
// words that only this object, at this address, in this life, has.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace ring3::harness {

// A piece of memory under test.
struct Object {
  std::byte* address = nullptr;  // null: none
  size_t bytes = 0;
  uint64_t nonce = 0;  // this life's
  uint32_t kind = 0;   // the workload's: an order, a cache
};

enum class PatternDepth {
  kEnds,   // the first and last words: finds a neighbour's overflow, costs next to nothing
  kWhole,  // every byte
};

void write_pattern(const Object& object, PatternDepth depth);

// Nothing when the pattern is intact; else what is wrong, in words.
std::optional<std::string> check_pattern(const Object& object, PatternDepth depth);

}  // namespace ring3::harness
