#include "mm/pages/kernel_zone.h"

namespace ring3::mm {

KernelZone::KernelZone(const Memmap& memmap, const Config& config)
    : memmap_(memmap),
      config_(config),
      buddy_(memmap, config.start, config.end, config.pageblock_order, *config.persona),
      pcp_(buddy_, config.pcp) {
  buddy_.set_boost(config.managed, config.watermarks.high, config.boost_factor);
}

// Down to the low mark, and then twice down to the min mark: once before and once after what a
// request that may wait would have waited for.
Pfn KernelZone::alloc(Gfp gfp, Order order) {
  const Migratetype type = migratetype_of(gfp);
  Pfn pfn = attempt(order, type, config_.watermarks.low, false);
  const bool high =
      gfp.any(kGfpFlagHigh) && !gfp.any(kGfpFlagNomemalloc) && !gfp.any(kGfpFlagDirectReclaim);
  for (int retry = 0; retry < 2 && pfn == kNoPfn; ++retry) {
    pfn = attempt(order, type, config_.watermarks.min, high);
  }
  return pfn;
}

Pfn KernelZone::attempt(Order order, Migratetype type, PageCount mark, bool reserves) {
  if (config_.persona->tunes_high && !below_high_ && !is_above_high()) below_high_ = true;
  if (!may_take(order, mark, reserves)) return kNoPfn;
  const Pfn pfn = take(order, type, reserves);
  if (pfn == kNoPfn) return kNoPfn;
  memmap_.set_state(pfn, FrameState::allocated(order));
  if (reserves && order > Order(0)) reserve_highatomic(pfn, order);
  return pfn;
}

bool KernelZone::may_take(Order order, PageCount mark, bool reserves) const {
  if (watermark_ok(order, mark.value() + buddy_.boost(), reserves)) return true;
  const bool passes = config_.persona->high_passes_boost && reserves && order == Order(0);
  return passes && watermark_ok(order, mark.value(), reserves);
}

// Pages on per-CPU lists are not free here, so a request can fail though its own list has a block.
bool KernelZone::watermark_ok(Order order, uint64_t mark, bool reserves) const {
  uint64_t needed = mark;
  uint64_t unusable = order.pages().value() - 1;
  if (reserves) {
    needed = rules::mark_of_high(needed);
  } else if (config_.persona->reserves_what_is_free) {
    unusable += buddy_.free_pages_of(Migratetype::kHighatomic).value();
  } else {
    unusable += highatomic_;
  }
  if (buddy_.free_pages().value() <= needed + unusable) return false;
  if (order == Order(0)) return true;
  for (Order at = order; at.valid(); at = at.higher()) {
    for (const Migratetype type :
         {Migratetype::kUnmovable, Migratetype::kMovable, Migratetype::kReclaimable}) {
      if (buddy_.has_free(at, type)) return true;
    }
    if (reserves && buddy_.has_free(at, Migratetype::kHighatomic)) return true;
  }
  return false;
}

// A request in need has the highatomic blocks before it takes another type's, if it is of a high
// order; one for a single page, when all else has failed.
Pfn KernelZone::take(Order order, Migratetype type, bool reserves) {
  if (rules::on_pcp(order, config_.pageblock_order)) {
    const Pfn pfn = pcp_.take(order, type, below_high_);
    if (pfn != kNoPfn) return pfn;
  }
  const bool first = reserves && order > Order(0);
  Pfn pfn = first ? buddy_.take_smallest(order, Migratetype::kHighatomic) : kNoPfn;
  if (pfn == kNoPfn) pfn = buddy_.take_one(order, type);
  if (pfn == kNoPfn && reserves) pfn = buddy_.take_smallest(order, Migratetype::kHighatomic);
  return pfn;
}

void KernelZone::reserve_highatomic(Pfn pfn, Order order) {
  const Order pageblock = config_.pageblock_order;
  if (highatomic_ >= rules::most_highatomic(*config_.persona, config_.managed, pageblock)) return;
  if (buddy_.type_of(pfn) == Migratetype::kHighatomic) return;
  const bool moved = buddy_.move_pageblock(pfn, Migratetype::kHighatomic);
  if (!config_.persona->typed_lists) {
    if (!moved) buddy_.set_type(pfn, Migratetype::kHighatomic);
    highatomic_ += pageblock.pages().value();
    return;
  }
  if (!moved) return;
  const Pfn end = pfn + order.pages();
  for (Pfn at = pfn; at < end; at = at + pageblock.pages()) {
    buddy_.set_type(at, Migratetype::kHighatomic);
  }
  highatomic_ += std::max(order, pageblock).pages().value();
}

void KernelZone::free(Pfn pfn, Order order) {
  memmap_.set_state(pfn, {});
  const Migratetype type = buddy_.type_of(pfn);
  if (rules::on_pcp(order, config_.pageblock_order)) {
    const bool went_on = pcp_.put(pfn, order, type, below_high_);
    if (went_on && is_above_high()) below_high_ = false;
  } else {
    buddy_.put_typed(pfn, order);
  }
}

void KernelZone::set_lru(Pfn pfn, Order order, bool lru) {
  for (Pfn at = pfn; at < pfn + order.pages(); at = at + PageCount(1)) {
    memmap_.page(at).lru.store(lru, std::memory_order_relaxed);
  }
}

}  // namespace ring3::mm
