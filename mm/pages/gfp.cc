#include "mm/pages/gfp.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/numbers.h"

namespace ring3::mm {
namespace {

struct Named {
  std::string_view name;
  Gfp flags;
};

// A combination stands before those it contains, so the first that fits is the longest.
constexpr auto kNames = std::to_array<Named>({
    {"GFP_TRANSHUGE", kGfpTranshuge},
    {"GFP_TRANSHUGE_LIGHT", kGfpTranshugeLight},
    {"GFP_HIGHUSER_MOVABLE", kGfpHighuserMovable},
    {"GFP_HIGHUSER", kGfpHighuser},
    {"GFP_USER", kGfpUser},
    {"GFP_KERNEL_ACCOUNT", kGfpKernelAccount},
    {"GFP_KERNEL", kGfpKernel},
    {"GFP_NOFS", kGfpNofs},
    {"GFP_ATOMIC", kGfpAtomic},
    {"GFP_NOIO", kGfpNoio},
    {"GFP_NOWAIT", kGfpNowait},
    {"GFP_DMA", kGfpDma},
    {"GFP_DMA32", kGfpDma32},
    {"__GFP_RECLAIM", kGfpFlagReclaim},
    {"__GFP_HIGHMEM", kGfpFlagHighmem},
    {"__GFP_MOVABLE", kGfpFlagMovable},
    {"__GFP_RECLAIMABLE", kGfpFlagReclaimable},
    {"__GFP_HIGH", kGfpFlagHigh},
    {"__GFP_IO", kGfpFlagIo},
    {"__GFP_FS", kGfpFlagFs},
    {"__GFP_ZERO", kGfpFlagZero},
    {"__GFP_DIRECT_RECLAIM", kGfpFlagDirectReclaim},
    {"__GFP_KSWAPD_RECLAIM", kGfpFlagKswapdReclaim},
    {"__GFP_WRITE", kGfpFlagWrite},
    {"__GFP_NOWARN", kGfpFlagNowarn},
    {"__GFP_RETRY_MAYFAIL", kGfpFlagRetryMayfail},
    {"__GFP_NOFAIL", kGfpFlagNofail},
    {"__GFP_NORETRY", kGfpFlagNoretry},
    {"__GFP_MEMALLOC", kGfpFlagMemalloc},
    {"__GFP_COMP", kGfpFlagComp},
    {"__GFP_NOMEMALLOC", kGfpFlagNomemalloc},
    {"__GFP_HARDWALL", kGfpFlagHardwall},
    {"__GFP_THISNODE", kGfpFlagThisnode},
    {"__GFP_ACCOUNT", kGfpFlagAccount},
    {"__GFP_DMA", kGfpFlagDma},
    {"__GFP_DMA32", kGfpFlagDma32},
    {"none", Gfp{}},
});

Result<Gfp> parse_one(std::string_view name) {
  for (const Named& known : kNames) {
    if (known.name == name) return known.flags;
  }
  if (name.starts_with("0x")) {
    if (const auto bits = whole_number<uint32_t>(name.substr(2), 16)) return Gfp(*bits);
  }
  return Error{Errc::kInvalidArgument,
               fmt::format("'{}' is no gfp flag; use names such as GFP_KERNEL|__GFP_ZERO", name)};
}

}  // namespace

const char* zone_name(ZoneType type) {
  static constexpr std::array<const char*, kZones> kZoneNames{"DMA", "DMA32", "Normal", "HighMem",
                                                              "Movable"};
  return kZoneNames[static_cast<size_t>(type)];
}

const char* migratetype_name(Migratetype type) {
  static constexpr std::array<const char*, kMigratetypes> kTypeNames{"Unmovable", "Movable",
                                                                     "Reclaimable", "HighAtomic"};
  return kTypeNames[static_cast<size_t>(type)];
}

std::string to_string(Gfp gfp) {
  if (gfp == Gfp{}) return "none";
  std::string text;
  const auto append = [&text](std::string_view part) {
    if (!text.empty()) text += '|';
    text += part;
  };
  Gfp left = gfp;
  for (const Named& known : kNames) {
    if (known.flags == Gfp{} || !left.all(known.flags)) continue;
    append(known.name);
    left = left - known.flags;
  }
  if (left != Gfp{}) append(fmt::format("{:#x}", left.bits()));
  return text;
}

Result<Gfp> parse_gfp(std::string_view text) {
  Gfp flags;
  for (size_t start = 0; start <= text.size();) {
    const size_t bar = std::min(text.find('|', start), text.size());
    Result<Gfp> one = parse_one(text.substr(start, bar - start));
    if (!one) return one.error();
    flags = flags | *one;
    start = bar + 1;
  }
  return flags;
}

}  // namespace ring3::mm
