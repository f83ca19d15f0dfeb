// Any bytes as the values of options: each parser takes or refuses them with a message, and what it
// has taken is written and read back as the same.

#include <cstdint>
#include <string_view>

#include "harness/base/parse_values.h"
#include "lib/check.h"
#include "lib/cpu/fault.h"

using namespace ring3;
using namespace ring3::harness;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto bytes = parse_size(text)) {
    const auto again = parse_size(format_size(*bytes));
    CHECK_EQ(*again, *bytes);
  } else {
    CHECK(!bytes.error().message.empty());
  }
  if (const auto time = parse_duration(text)) {
    CHECK_GT(*time, Nanos(0));
    const auto again = parse_duration(format_duration(*time));
    CHECK_EQ(*again, *time);
  } else {
    CHECK(!time.error().message.empty());
  }
  if (const auto seed = parse_seed(text)) {
    const auto again = parse_seed(std::to_string(*seed));
    CHECK_EQ(*again, *seed);
  }
  if (const auto count = parse_count(text, 3, 1000)) CHECK(*count >= 3 && *count <= 1000);
  if (const auto fault = parse_fault_attributes(text)) {
    CHECK_LE(fault->probability, 100u);
    CHECK_GE(fault->interval, 1u);
  }
  return 0;
}
