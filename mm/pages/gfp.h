#pragma once

// "Get free page" flags: where a block may come from and what the allocator may do to find one,
// with the kernel's names, bits and combinations (include/linux/gfp_types.h, 6.12).

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/cpu/task.h"
#include "lib/result.h"

namespace ring3::mm {

// A set of flags.
class Gfp {
 public:
  constexpr Gfp() = default;
  constexpr explicit Gfp(uint32_t bits) : bits_(bits) {}

  constexpr uint32_t bits() const { return bits_; }
  // True when any (all) of the flags of `other` are set.
  constexpr bool any(Gfp other) const { return (bits_ & other.bits_) != 0; }
  constexpr bool all(Gfp other) const { return (bits_ & other.bits_) == other.bits_; }
  constexpr bool operator==(const Gfp&) const = default;

  friend constexpr Gfp operator|(Gfp a, Gfp b) { return Gfp(a.bits_ | b.bits_); }
  friend constexpr Gfp operator&(Gfp a, Gfp b) { return Gfp(a.bits_ & b.bits_); }
  // a without the flags of b.
  friend constexpr Gfp operator-(Gfp a, Gfp b) { return Gfp(a.bits_ & ~b.bits_); }

 private:
  uint32_t bits_ = 0;
};

// ---- Where: the zone modifiers. Without one, up to zone NORMAL. ----
inline constexpr Gfp kGfpFlagDma{1u << 0};
inline constexpr Gfp kGfpFlagHighmem{1u << 1};
inline constexpr Gfp kGfpFlagDma32{1u << 2};
inline constexpr Gfp kGfpFlagMovable{1u << 3};  // with HIGHMEM: zone MOVABLE too

// ---- What kind. ----
inline constexpr Gfp kGfpFlagReclaimable{1u << 4};
inline constexpr Gfp kGfpFlagHardwall{1u << 20};
inline constexpr Gfp kGfpFlagThisnode{1u << 21};
inline constexpr Gfp kGfpFlagAccount{1u << 22};

// ---- How deep into the reserves. ----
inline constexpr Gfp kGfpFlagHigh{1u << 5};         // half of the min watermark
inline constexpr Gfp kGfpFlagMemalloc{1u << 17};    // all of it
inline constexpr Gfp kGfpFlagNomemalloc{1u << 19};  // takes __GFP_MEMALLOC back

// ---- What may be done on the way. ----
inline constexpr Gfp kGfpFlagIo{1u << 6};
inline constexpr Gfp kGfpFlagFs{1u << 7};
inline constexpr Gfp kGfpFlagDirectReclaim{1u << 10};
inline constexpr Gfp kGfpFlagKswapdReclaim{1u << 11};
inline constexpr Gfp kGfpFlagReclaim = kGfpFlagDirectReclaim | kGfpFlagKswapdReclaim;
inline constexpr Gfp kGfpFlagWrite{1u << 12};
inline constexpr Gfp kGfpFlagRetryMayfail{1u << 14};
inline constexpr Gfp kGfpFlagNofail{1u << 15};
inline constexpr Gfp kGfpFlagNoretry{1u << 16};

// ---- What to do with the result. ----
inline constexpr Gfp kGfpFlagZero{1u << 8};  // every byte 0
inline constexpr Gfp kGfpFlagNowarn{1u << 13};
inline constexpr Gfp kGfpFlagComp{1u << 18};  // a compound page: its tails know their head

// ---- The combinations that callers use. ----
inline constexpr Gfp kGfpAtomic = kGfpFlagHigh | kGfpFlagKswapdReclaim;
inline constexpr Gfp kGfpKernel = kGfpFlagReclaim | kGfpFlagIo | kGfpFlagFs;
inline constexpr Gfp kGfpKernelAccount = kGfpKernel | kGfpFlagAccount;
inline constexpr Gfp kGfpNowait = kGfpFlagKswapdReclaim | kGfpFlagNowarn;
inline constexpr Gfp kGfpNoio = kGfpFlagReclaim;
inline constexpr Gfp kGfpNofs = kGfpFlagReclaim | kGfpFlagIo;
inline constexpr Gfp kGfpUser = kGfpKernel | kGfpFlagHardwall;
inline constexpr Gfp kGfpDma = kGfpFlagDma;
inline constexpr Gfp kGfpDma32 = kGfpFlagDma32;
inline constexpr Gfp kGfpHighuser = kGfpUser | kGfpFlagHighmem;
inline constexpr Gfp kGfpHighuserMovable = kGfpHighuser | kGfpFlagMovable;
inline constexpr Gfp kGfpTranshugeLight =
    (kGfpHighuserMovable | kGfpFlagComp | kGfpFlagNomemalloc | kGfpFlagNowarn) - kGfpFlagReclaim;
inline constexpr Gfp kGfpTranshuge = kGfpTranshugeLight | kGfpFlagDirectReclaim;

// Zones in the order of their addresses; a request may use its zone and those below it.
enum class ZoneType : uint8_t { kDma, kDma32, kNormal, kHighmem, kMovable };
inline constexpr size_t kZones = 5;
// "DMA", "DMA32", "Normal", "HighMem", "Movable": as /proc/buddyinfo prints them.
const char* zone_name(ZoneType type);

// Which of them a machine has: an x86-64, whose kernel reaches all memory, or a 32-bit x86, where
// it maps the first 896 MiB only (of 4 GiB of addresses, programs have 3).
enum class ZoneSet : uint8_t { kX86_64, kX86_32 };
inline constexpr std::array<ZoneSet, 2> kZoneSets = {ZoneSet::kX86_64, ZoneSet::kX86_32};
constexpr std::string_view zone_set_name(ZoneSet set) {
  return set == ZoneSet::kX86_64 ? "x86-64" : "x86-32";
}
constexpr bool has_zone(ZoneSet set, ZoneType zone) {
  return zone != (set == ZoneSet::kX86_64 ? ZoneType::kHighmem : ZoneType::kDma32);
}

// The kernel's number of a zone of those that there are.
constexpr unsigned zone_number(ZoneSet set, ZoneType zone) {
  const ZoneType missing = set == ZoneSet::kX86_64 ? ZoneType::kHighmem : ZoneType::kDma32;
  return static_cast<unsigned>(zone) - (zone > missing);
}

// What can become of a block's contents; the numbers are the kernel's.
enum class Migratetype : uint8_t {
  kUnmovable = 0,
  kMovable = 1,
  kReclaimable = 2,
  kHighatomic = 3,  // of pageblocks only: kept for those in need
};
inline constexpr size_t kMigratetypes = 4;
inline constexpr size_t kRequestTypes = 3;  // the first of them (the kernel's MIGRATE_PCPTYPES)
// "Unmovable", "Movable", "Reclaimable", "HighAtomic": as /proc/pagetypeinfo prints them.
const char* migratetype_name(Migratetype type);
inline constexpr unsigned kMigratetypeShift = 3;  // where a Gfp has the two bits that are one

// True for a request that is both movable and reclaimable, which no block can be: the caller's bug.
constexpr bool has_two_migratetypes(Gfp gfp) {
  return gfp.all(kGfpFlagMovable | kGfpFlagReclaimable);
}

// The highest zone that `gfp` may use, and for one that is not there, Normal; nothing when it names
// more than one of DMA, DMA32 and HIGHMEM, which is the caller's bug.
constexpr std::optional<ZoneType> highest_zone(Gfp gfp, ZoneSet set = ZoneSet::kX86_64) {
  const Gfp places = gfp & (kGfpFlagDma | kGfpFlagDma32 | kGfpFlagHighmem);
  ZoneType zone = ZoneType::kNormal;
  if (places == kGfpFlagHighmem) {
    zone = gfp.any(kGfpFlagMovable) ? ZoneType::kMovable : ZoneType::kHighmem;
  } else if (places == kGfpFlagDma) {
    zone = ZoneType::kDma;
  } else if (places == kGfpFlagDma32) {
    zone = ZoneType::kDma32;
  } else if (places != Gfp{}) {
    return std::nullopt;
  }
  return has_zone(set, zone) ? zone : ZoneType::kNormal;
}
// Of a request that is not both.
constexpr Migratetype migratetype_of(Gfp gfp) {
  return static_cast<Migratetype>(gfp.bits() >> kMigratetypeShift & 3);
}

// What a request of a task in `scope` comes to (the kernel's current_gfp_context(), and PF_MEMALLOC
// as __gfp_pfmemalloc_flags() takes it).
constexpr Gfp gfp_in_scope(Gfp gfp, AllocScope scope) {
  if (includes(scope, AllocScope::kNoio)) gfp = gfp - (kGfpFlagIo | kGfpFlagFs);
  if (includes(scope, AllocScope::kNofs)) gfp = gfp - kGfpFlagFs;
  if (includes(scope, AllocScope::kMemalloc)) gfp = gfp | kGfpFlagMemalloc;
  return gfp;
}

// The notation of the kernel's traces: the longest combination first, then the flags left over,
// "GFP_KERNEL|__GFP_ZERO"; "none" for no flags; a bit without a name as 0x….
std::string to_string(Gfp gfp);
// The inverse; any order of names and 0x… numbers. kInvalidArgument names the first unknown one.
Result<Gfp> parse_gfp(std::string_view text);

}  // namespace ring3::mm
