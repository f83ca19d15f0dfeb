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

// Bytes: a decimal number and an optional K, M, G or T (powers of 1024), as in "256M".
Result<uint64_t> parse_size(std::string_view text);
// The shortest exact form: 268435456 is "256M".
std::string format_size(uint64_t bytes);

// Time: a decimal number, not 0, and an optional ms, s (the default), m or h, as in "30s".
Result<Nanos> parse_duration(std::string_view text);
std::string format_duration(Nanos duration);

// 64 bits: decimal, 0x hexadecimal, or a git commit hash of 7 to 40 digits, which is folded.
Result<uint64_t> parse_seed(std::string_view text);

}  // namespace ring3::harness
