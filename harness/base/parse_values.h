#pragma once

// Option values as people write them. Each error names the text, the form and the limits.

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/result.h"
#include "lib/units.h"

namespace ring3::harness {

// A decimal number from `least` to `most`.
Result<uint64_t> parse_count(std::string_view text, uint64_t least, uint64_t most);

// Bytes: a decimal number, which may have a fraction, and an optional K, M, G or T (powers of 1024)
// with or without B or iB, in letters of any size, as in "256M", "1.5g" or "64 MiB".
Result<uint64_t> parse_size(std::string_view text);
// The shortest exact form: 268435456 is "256M".
std::string format_size(uint64_t bytes);

// Time: a decimal number, not 0, which may have a fraction, and an optional ns, us, ms, s (the
// default), m, h or d, as in "30s" or "1.5h".
Result<Nanos> parse_duration(std::string_view text);
// The shortest exact form: 400 microseconds is "400us".
std::string format_duration(Nanos duration);

// "A..B", both decimal and A at most B, or one number for both.
struct SeedRange {
  uint64_t first;
  uint64_t last;
};
Result<SeedRange> parse_seed_range(std::string_view text);

// 64 bits: decimal, 0x hexadecimal, or a git commit hash of 7 to 40 digits, which is folded.
Result<uint64_t> parse_seed(std::string_view text);

}  // namespace ring3::harness
