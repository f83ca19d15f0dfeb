#pragma once

// How the kernel's page allocator decides, a rule each: which list, which end of it, whose block,
// how many. Facts of Linux 6.1 (mm/page_alloc.c); the names are its functions' and fields'. Where
// free blocks are and what moves is mm/pages/buddy.h and mm/pages/kernel_pcp.h.

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "mm/pages/gfp.h"
#include "mm/pages/page_units.h"

namespace ring3::mm::rules {

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
// movable pages do no harm where they are few (can_steal_fallback).
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
// Whether a pageblock changes its type when `moved` of its pages went to the new type's lists and
// `alike` of those in use would be of that type (steal_suitable_fallback).
constexpr bool changes_type(uint64_t moved, uint64_t alike, Order pageblock) {
  return moved + alike >= pageblock.pages().value() / 2;
}
// How many of a pageblock's pages in use are of the new type, as far as one can know.
constexpr uint64_t alike_pages(Migratetype type, Migratetype pageblock_type, uint64_t moved,
                               uint64_t movable_in_use, Order pageblock) {
  if (type == Migratetype::kMovable) return movable_in_use;
  if (pageblock_type != Migratetype::kMovable) return 0;
  return pageblock.pages().value() - moved - movable_in_use;
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
constexpr uint64_t most_highatomic(PageCount managed, Order pageblock) {
  return managed.value() / 100 + pageblock.pages().value();
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
  uint64_t min;
  uint64_t max;
};
constexpr PcpHigh pcp_high_pages(PageCount managed, PageCount low, unsigned cpus,
                                 uint64_t fraction) {
  const uint64_t least = 4 * pcp_batch_pages(managed);
  const auto share = [&](uint64_t pages) { return std::max(pages / cpus, least); };
  if (fraction != 0) return {share(managed.value() / fraction), share(managed.value() / fraction)};
  return {share(low.value()), share(managed.value() / 8)};
}
// Blocks that an empty list is refilled with (__rmqueue_pcplist).
constexpr uint64_t refill_blocks(uint64_t batch, Order order) {
  return batch > 1 ? std::max<uint64_t>(batch >> order.value(), 2) : batch;
}
// While blocks of this order come back without any being asked for, all of them go
// (free_unref_page_commit).
constexpr bool frees_all(unsigned free_factor, Order order) {
  return free_factor > 0 && order > Order(0) && order <= kCostlyOrder;
}
inline constexpr unsigned kMostFreeFactor = 5;  // CONFIG_PCP_BATCH_SCALE_MAX

// Pages that go back at a time, when a CPU's count has reached `high` (nr_pcp_free); the more, the
// longer nothing was asked for, which free_factor grows with.
constexpr uint64_t pages_to_free(uint64_t high, uint64_t batch, unsigned& free_factor) {
  if (high < batch) return 1;
  const uint64_t most = high - batch;
  const uint64_t pages = batch << free_factor;
  if (pages < most && free_factor < kMostFreeFactor) ++free_factor;
  return std::min(std::max(pages, batch), most);
}

}  // namespace ring3::mm::rules
