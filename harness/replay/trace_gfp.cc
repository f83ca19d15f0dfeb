#include "harness/replay/trace_gfp.h"

#include <algorithm>
#include <array>
#include <string>

#include "lib/numbers.h"

namespace ring3::harness {
namespace {

using mm::Gfp;

struct Alias {
  std::string_view name;
  Gfp flags;
};

// Names that parse_gfp() does not have: of older kernels, with what they meant there, and flags
// that say nothing an allocator in user space could do.
constexpr auto kAliases = std::to_array<Alias>({
    {"GFP_TEMPORARY", mm::kGfpKernel | mm::kGfpFlagReclaimable},  // to 4.14
    {"__GFP_WAIT", mm::kGfpFlagReclaim},                          // to 4.3
    {"__GFP_REPEAT", mm::kGfpFlagRetryMayfail},                   // to 4.12
    {"__GFP_ATOMIC", mm::kGfpFlagHigh},                           // 4.4 to 6.2
    {"__GFP_COLD", Gfp{}},                                        // to 4.14
    {"__GFP_NOTRACK", Gfp{}},                                     // to 4.14
    {"__GFP_OTHER_NODE", Gfp{}},                                  // to 4.9
    {"__GFP_NO_KSWAPD", Gfp{}},                                   // to 4.3
    {"__GFP_NOACCOUNT", Gfp{}},                                   // 4.2 to 4.4
    {"__GFP_NOLOCKDEP", Gfp{}},
    {"__GFP_ZEROTAGS", Gfp{}},
    {"__GFP_SKIP_ZERO", Gfp{}},
    {"__GFP_SKIP_KASAN", Gfp{}},
    {"__GFP_SKIP_KASAN_POISON", Gfp{}},
    {"__GFP_SKIP_KASAN_UNPOISON", Gfp{}},
    {"__GFP_NO_OBJ_EXT", Gfp{}},
    {"__GFP_CMA", Gfp{}},  // Android's
});

constexpr uint32_t kKnownBits = 0x7fffffu;

std::optional<Gfp> parse_bits(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  const std::optional<uint64_t> bits = whole_number(text, hexadecimal ? 16 : 10);
  if (!bits || (*bits & ~uint64_t{kKnownBits}) != 0) return {};
  return Gfp(static_cast<uint32_t>(*bits));
}

std::optional<Gfp> parse_name(std::string_view name) {
  if (const auto known = mm::parse_gfp(name)) return *known;
  const auto alias = std::find_if(kAliases.begin(), kAliases.end(),
                                  [name](const Alias& a) { return a.name == name; });
  if (alias != kAliases.end()) return alias->flags;
  return std::nullopt;
}

std::optional<Gfp> parse_part(std::string_view part) {
  if (part.empty()) return std::nullopt;
  if (part.front() >= '0' && part.front() <= '9') return parse_bits(part);
  if (const auto known = parse_name(part)) return known;
  // To 4.5 the flags had no underscores: GFP_ZERO.
  return part.starts_with("GFP_") ? parse_name("__" + std::string(part)) : std::nullopt;
}

}  // namespace

TraceGfp parse_trace_gfp(std::string_view text, std::optional<unsigned> migratetype) {
  TraceGfp result;
  for (size_t start = 0; start <= text.size();) {
    const size_t bar = std::min(text.find('|', start), text.size());
    const std::string_view part = text.substr(start, bar - start);
    if (const auto flags = parse_part(part)) {
      result.gfp = result.gfp | *flags;
    } else if (result.unknown.empty()) {
      result.unknown = part.empty() ? text : part;
    }
    start = bar + 1;
  }
  if (!mm::highest_zone(result.gfp)) {
    result.gfp = result.gfp - (mm::kGfpFlagDma | mm::kGfpFlagDma32 | mm::kGfpFlagHighmem);
    result.unknown = text;
  }
  if (mm::has_two_migratetypes(result.gfp)) {
    result.gfp = result.gfp - mm::kGfpFlagReclaimable;
    result.unknown = text;
  }
  if (!result.gfp.any(mm::kGfpFlagMovable | mm::kGfpFlagReclaimable) && migratetype) {
    if (*migratetype == static_cast<unsigned>(mm::Migratetype::kMovable)) {
      result.gfp = result.gfp | mm::kGfpFlagMovable;
    } else if (*migratetype == static_cast<unsigned>(mm::Migratetype::kReclaimable)) {
      result.gfp = result.gfp | mm::kGfpFlagReclaimable;
    }
  }
  return result;
}

}  // namespace ring3::harness
