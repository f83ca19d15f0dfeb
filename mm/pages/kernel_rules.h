#pragma once

// How the kernel's page allocator decides, a rule each: which list, which end of it, whose block,
// how many. Facts of Linux (mm/page_alloc.c); the names are its functions' and fields'. Where free
// blocks are and what moves is mm/pages/buddy.h and mm/pages/kernel_pcp.h.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "lib/bits.h"
#include "mm/pages/gfp.h"
#include "mm/pages/page_units.h"

namespace ring3::mm::rules {

// ---- What changed from one kernel to the next. ----

struct Persona {
  std::string_view version;
  // A free block is always on the list of its pageblock's type, and goes back as what that is by
  // then. So a request that gets a piece of another type's pageblock leaves the rest where it is,
  // and all that is free in one moves with its type or not at all (6.10).
  bool typed_lists;
  // Whole pageblocks are looked for in blocks of every size first, then the smallest block that
  // does: not whichever of both the largest block allows (6.15).
  bool claims_first;
  // How many pages a CPU keeps tunes itself (6.7).
  bool tunes_high;
  // A run of frees of small orders empties its lists only when it is half of what the CPU keeps at
  // least longer than a batch (6.16).
  bool waits_half_high;
  // The highatomic reserve is a hundredth of the zone in whole pageblocks, none where that is less
  // than one (6.8), and keeps others from what is free of it, not from all of it (6.12).
  bool reserves_what_is_free;
  // A request of high priority for one page gets it down to the min mark without the boost (6.3).
  bool high_passes_boost;
};

inline constexpr std::array<Persona, 3> kPersonas = {{
    // clang-format off
    // version  typed_lists  claims_first  tunes_high  waits_half_high  reserves_what_is_free  high_passes_boost
    {"6.1",     false,       false,        false,      false,           false,                 false},
    {"6.12",    true,        false,        true,       false,           true,                  true},
    {"6.18",    true,        true,         true,       true,            true,                  true},
    // clang-format on
}};
// The one that recorded runs prove (ring3 pages check).
inline constexpr const Persona& kLinux61 = kPersonas[0];
// The one of that version, or null.
constexpr const Persona* persona_of(std::string_view version) {
  const auto found = std::ranges::find(kPersonas, version, &Persona::version);
  return found == kPersonas.end() ? nullptr : &*found;
}

// ---- Which other types' blocks a request takes, the best first (fallbacks). ----

// Never of kHighatomic, which serves who is in need only.
using Fallbacks = std::array<Migratetype, 2>;
constexpr Fallbacks fallbacks_of(Migratetype type) {
  switch (type) {
    case Migratetype::kUnmovable:
      return {Migratetype::kReclaimable, Migratetype::kMovable};
    case Migratetype::kMovable:
      return {Migratetype::kReclaimable, Migratetype::kUnmovable};
    default:
      return {Migratetype::kUnmovable, Migratetype::kMovable};
  }
}

// Whether a request of `type` that takes a block of `found` may have the rest of its pageblock too:
// movable pages do no harm where they are few (can_steal_fallback; should_try_claim_block).
constexpr bool may_claim(Order found, Migratetype type, Order pageblock) {
  return found.value() >= pageblock.value() / 2 || type != Migratetype::kMovable;
}
// The smallest block of another type that a request takes which must not mix what lies in a
// pageblock (ALLOC_NOFRAGMENT).
constexpr Order least_unmixed(Order pageblock) { return pageblock; }
// Whether the search, which begins with the largest blocks, is to begin anew with the smallest.
constexpr bool search_upward(Order found, Order asked, Migratetype type, Order pageblock) {
  return type == Migratetype::kMovable && !may_claim(found, type, pageblock) && found > asked;
}
// Whether a pageblock changes its type when `free` of its pages are and `alike` of those in use
// would be of that type (steal_suitable_fallback; try_to_claim_block).
constexpr bool changes_type(uint64_t free, uint64_t alike, Order pageblock) {
  return free + alike >= pageblock.pages().value() / 2;
}
// How many of a pageblock's pages in use are of the new type, as far as one can know.
constexpr uint64_t alike_pages(Migratetype type, Migratetype pageblock_type, uint64_t free,
                               uint64_t movable_in_use, Order pageblock) {
  if (type == Migratetype::kMovable) return movable_in_use;
  if (pageblock_type != Migratetype::kMovable) return 0;
  return pageblock.pages().value() - free - movable_in_use;
}

// ---- Where a block goes that is freed (__free_one_page). ----

// From a pageblock up, blocks of different types merge, but nothing with the highatomic reserve.
constexpr bool may_merge(Order order, Migratetype type, Migratetype buddy_type, Order pageblock) {
  const bool reserve = type == Migratetype::kHighatomic || buddy_type == Migratetype::kHighatomic;
  return order < pageblock || type == buddy_type || !reserve;
}
// Up to here, a block whose parent's buddy is free already is put at the tail, in the hope that it
// will merge before it is used (buddy_merge_likely).
inline constexpr Order kHighestToTail{Order::kMax - 2};

// ---- Watermarks (__zone_watermark_ok). ----

// What a request of high priority that cannot wait has to leave of a mark.
constexpr uint64_t mark_of_high(uint64_t mark) {
  mark -= mark / 2;
  return mark - mark / 4;
}
// The most of a zone that is kept for high-order requests of that kind
// (reserve_highatomic_pageblock).
constexpr uint64_t most_highatomic(const Persona& persona, PageCount managed, Order pageblock) {
  const uint64_t share = managed.value() / 100;
  const uint64_t pages = pageblock.pages().value();
  if (!persona.reserves_what_is_free) return share + pages;
  return share < pages ? 0 : align_up(share, pages);
}
// How far a block that is taken in pieces raises all marks (boost_watermark): `factor` is
// vm.watermark_boost_factor, in ten-thousandths of the high mark.
constexpr uint64_t boosted(uint64_t boost, PageCount managed, PageCount high, uint64_t factor,
                           Order pageblock) {
  const uint64_t pages = pageblock.pages().value();
  const uint64_t most = high.value() * factor / 10000;
  if (most == 0 || 4 * pages > managed.value()) return boost;
  return std::min(boost + pages, std::max(pages, most));
}

// ---- Per-CPU lists. ----

// Orders of which a CPU keeps lists (pcp_allowed_order): those that are asked for often, and huge
// pages where a pageblock is one.
inline constexpr Order kCostlyOrder{3};
constexpr bool on_pcp(Order order, Order pageblock) {
  return order <= kCostlyOrder || (order == pageblock && pageblock < kMaxOrder);
}
// How many pages come and go at a time (zone_batchsize): one less than a power of two, so that
// lists of several CPUs do not fall in step.
constexpr uint64_t pcp_batch_pages(PageCount managed) {
  const uint64_t share = std::max<uint64_t>(std::min<uint64_t>(managed.value() / 1024, 256) / 4, 1);
  return std::max<uint64_t>(std::bit_floor(share + share / 2) - 1, 1);
}
// Between which bounds the number of pages that a CPU keeps tunes itself (zone_highsize);
// `fraction` is vm.percpu_pagelist_high_fraction.
struct PcpHigh {
  uint64_t min = 0;
  uint64_t max = 0;
};
constexpr PcpHigh pcp_high_pages(PageCount managed, PageCount low, unsigned cpus,
                                 uint64_t fraction) {
  const uint64_t least = 4 * pcp_batch_pages(managed);
  const auto share = [&](uint64_t pages) { return std::max(pages / cpus, least); };
  if (fraction != 0) return {share(managed.value() / fraction), share(managed.value() / fraction)};
  return {share(low.value()), share(managed.value() / 8)};
}
inline constexpr unsigned kBatchScaleMax = 5;  // CONFIG_PCP_BATCH_SCALE_MAX

// How a CPU's lists go through a run of requests or of frees.
struct PcpTuning {
  uint64_t high = 0;           // pages that it keeps
  unsigned free_factor = 0;    // until 6.7: frees in a row, in batches, as a power of two
  unsigned alloc_factor = 0;   // since: refills in a row, likewise
  uint64_t free_count = 0;     // pages freed in a row
  bool freed_several = false;  // the last free was of a small order above 0
};
// What that is told with: how many pages it holds, what it may keep, how many go at a time, and
// whether the zone has less than its high mark free, as far as is known (ZONE_BELOW_HIGH).
struct PcpLevel {
  uint64_t count;
  PcpHigh bounds;
  uint64_t batch;
  bool below_high;
};

// A request comes (__rmqueue_pcplist).
constexpr void tell_alloc(PcpTuning& tuning) {
  tuning.free_factor /= 2;
  tuning.free_count /= 2;
}
// Blocks that an empty list is refilled with (nr_pcp_alloc).
constexpr uint64_t refill_blocks(const Persona& persona, PcpTuning& tuning, const PcpLevel& level,
                                 Order order) {
  uint64_t batch = level.batch;
  if (persona.tunes_high) {
    const auto& [min, max] = level.bounds;
    tuning.high = std::clamp(tuning.high, min, max);
    if (tuning.high < batch) return 1;
    if (order == Order(0)) batch <<= tuning.alloc_factor;
    if (min != max && !level.below_high) tuning.high = std::min(tuning.high + batch, max);
    if (order == Order(0)) {
      const uint64_t kept = level.count + level.batch;
      const uint64_t most = std::max(tuning.high - std::min(tuning.high, kept), level.batch);
      if (batch <= most && tuning.alloc_factor < kBatchScaleMax) ++tuning.alloc_factor;
      batch = std::min(batch, most);
    }
  }
  return batch > 1 ? std::max<uint64_t>(batch >> order.value(), 2) : batch;
}

// Pages that go back when a block of `order` came, of which `level` counts the pages already
// (free_unref_page_commit, nr_pcp_high, nr_pcp_free): the more at a time, the longer nothing was
// asked for.
constexpr bool is_several(Order order) { return order > Order(0) && order <= kCostlyOrder; }
constexpr uint64_t pages_to_free_fixed(PcpTuning& tuning, const PcpLevel& level, Order order) {
  if (tuning.free_factor > 0 && is_several(order)) return level.count;
  if (level.count < tuning.high) return 0;
  if (tuning.high < level.batch) return 1;
  const uint64_t most = tuning.high - level.batch;
  const uint64_t pages = level.batch << tuning.free_factor;
  if (pages < most && tuning.free_factor < kBatchScaleMax) ++tuning.free_factor;
  return std::min(std::max(pages, level.batch), most);
}
constexpr uint64_t pages_to_free_tuned(const Persona& persona, PcpTuning& tuning,
                                       const PcpLevel& level, Order order) {
  const uint64_t min = level.bounds.min;
  const uint64_t max = level.bounds.max;
  const uint64_t batch = level.batch;
  tuning.alloc_factor /= 2;
  const uint64_t run = batch + (persona.waits_half_high ? min / 2 : 0);
  const bool frees_all = is_several(order) && tuning.freed_several && tuning.free_count >= run;
  tuning.freed_several = is_several(order);
  if (tuning.free_count < batch << kBatchScaleMax) tuning.free_count += order.pages().value();

  const uint64_t high = tuning.high = std::clamp(tuning.high, min, max);
  const auto lowered = [&](uint64_t by) { return std::max(high - std::min(high, by), min); };
  if (frees_all) {
    if (high != 0) tuning.high = lowered(batch << kBatchScaleMax);
    return std::min(level.count, batch << kBatchScaleMax);
  }
  uint64_t limit = high;
  if (high != 0 && min != max) {
    if (level.below_high) {
      tuning.high = lowered(std::max(tuning.free_count, batch));
      limit = std::max(level.count, min);
    } else if (level.count >= high) {
      tuning.high = std::max(high, std::min(tuning.free_count + batch, max));
    }
  }
  if (level.count < limit) return 0;
  if (limit < batch) return 1;
  return std::min(std::max(tuning.free_count, batch), limit - batch);
}
constexpr uint64_t pages_to_free(const Persona& persona, PcpTuning& tuning, const PcpLevel& level,
                                 Order order) {
  return persona.tunes_high ? pages_to_free_tuned(persona, tuning, level, order)
                            : pages_to_free_fixed(tuning, level, order);
}

}  // namespace ring3::mm::rules
