#include "harness/stress/object_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ring3::harness {
namespace {

constexpr size_t kWord = sizeof(uint64_t);
constexpr size_t kEndBytes = 2 * kWord;

uint64_t pattern_word(const Object& object, size_t offset) {
  return (object.nonce ^ reinterpret_cast<uintptr_t>(object.address)) +
         offset * uint64_t{0x9e3779b97f4a7c15};
}

// Calls visit(offset, length) for each word, or part of one at the end, that `depth` covers; stops
// when it returns false.
template <class Visit>
void for_each_word(const Object& object, PatternDepth depth, Visit visit) {
  size_t offset = 0;
  while (offset < object.bytes) {
    const size_t length = std::min(kWord, object.bytes - offset);
    if (!visit(offset, length)) return;
    offset += kWord;
    // From the words at the start to those at the end.
    if (depth == PatternDepth::kEnds && offset == kEndBytes && object.bytes > 2 * kEndBytes) {
      offset = (object.bytes - kEndBytes) / kWord * kWord;
    }
  }
}

}  // namespace

void write_pattern(const Object& object, PatternDepth depth) {
  for_each_word(object, depth, [&](size_t offset, size_t length) {
    const uint64_t word = pattern_word(object, offset);
    std::memcpy(object.address + offset, &word, length);
    return true;
  });
}

std::optional<std::string> check_pattern(const Object& object, PatternDepth depth) {
  std::optional<std::string> fault;
  for_each_word(object, depth, [&](size_t offset, size_t length) {
    const uint64_t expected = pattern_word(object, offset);
    if (std::memcmp(object.address + offset, &expected, length) == 0) return true;
    uint64_t found = 0;
    std::memcpy(&found, object.address + offset, length);
    fault = fmt::format(
        "object {} of {} bytes is corrupt at offset {}: expected {:#018x}, found {:#018x}",
        fmt::ptr(object.address), object.bytes, offset, expected, found);
    return false;
  });
  return fault;
}

}  // namespace ring3::harness
