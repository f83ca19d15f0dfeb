#include "mm/pages/buddy.h"

#include <algorithm>
#include <bit>

#include "lib/tracepoint.h"

namespace ring3::mm {

const PagePolicy kKernelPolicy{
    .name = "kernel",
    .make = [](const Memmap& memmap, Pfn start, Pfn end) -> Result<std::unique_ptr<FreeBlocks>> {
      return std::unique_ptr<FreeBlocks>(std::make_unique<Buddy>(memmap, start, end));
    },
    .orders_on_cpus =
        [] {
          uint32_t orders = 0;
          for (Order order(0); order.valid(); order = order.higher()) {
            orders |= uint32_t{rules::on_pcp(order, kPageblockOrder)} << order.value();
          }
          return orders;
        }(),
    .smallest_region = PageCount::max(),
    .finds_doubles = false};

Buddy::Buddy(const Memmap& memmap, Pfn start, Pfn end, Order pageblock_order)
    : memmap_(memmap), start_(start), end_(end), pageblock_order_(pageblock_order) {
  DCHECK(pageblock_order >= kPageblockOrder);
}

void Buddy::set_type(Pfn pfn, Migratetype type) {
  const Pfn start(align_down(pfn.value(), pageblock_order_.pages().value()));
  for (Pfn at = start; at < start + pageblock_order_.pages(); at = at + kPageblockOrder.pages()) {
    if (memmap_.contains(at)) memmap_.set_type(at, type);
  }
}

void Buddy::set_boost(PageCount managed, PageCount high, uint64_t factor) {
  managed_ = managed;
  high_mark_ = high;
  boost_factor_ = factor;
}

// ---- Lists. ----

void Buddy::insert(Pfn pfn, Order order, Migratetype type, bool at_tail) {
  memmap_.set_state(pfn, FrameState::buddy(order));
  Page& page = memmap_.page(pfn);
  at_tail ? list(order, type).push_back(page) : list(order, type).push_front(page);
  ++blocks_[order.value()];
  free_pages_ += order.pages();
}

// A ring of links does not ask whose it is.
void Buddy::remove(Pfn pfn, Order order) {
  list(order, Migratetype::kMovable).remove(memmap_.page(pfn));
  memmap_.set_state(pfn, {});
  --blocks_[order.value()];
  free_pages_ -= order.pages();
}

void Buddy::move_to_tail(Pfn pfn, Order order, Migratetype type) {
  Page& page = memmap_.page(pfn);
  list(order, type).remove(page);
  list(order, type).push_back(page);
}

void Buddy::add_free_range(Pfn start, Pfn end) {
  DCHECK_LE(start_, start);
  DCHECK_LE(end, end_);
  const uint64_t largest = kMaxOrder.pages().value();
  const Pfn fresh_start(align_up(start.value(), largest));
  const Pfn fresh_end(align_down(end.value(), largest));
  if (fresh_start_ == fresh_end_ && fresh_start < fresh_end) {
    fresh_start_ = fresh_start;
    fresh_end_ = fresh_end;
    blocks_[Order::kMax] += (fresh_end - fresh_start) / kMaxOrder.pages();
    free_pages_ += fresh_end - fresh_start;
    put_range(fresh_end, end);
    put_range(start, fresh_start);
  } else {
    put_range(start, end);
  }
}

// From the top down, so that the lowest block ends up at the head of its list.
void Buddy::put_range(Pfn start, Pfn end) {
  while (start < end) {
    const uint64_t last = end.value();
    const unsigned aligned =
        last == 0 ? Order::kMax : static_cast<unsigned>(std::countr_zero(last));
    const unsigned fitting = ilog2((end - start).value());
    const Order order(std::min({aligned, fitting, Order::kMax}));
    end = end - order.pages();
    put_one(end, order, type_of(end));
  }
}

// What is fresh is written down when it is the first.
Pfn Buddy::first_of(Order order, Migratetype type) {
  FreeList& blocks = list(order, type);
  if (blocks.empty()) {
    DCHECK(is_fresh(order, type));
    const Pfn pfn = fresh_start_;
    fresh_start_ = pfn + order.pages();
    memmap_.set_state(pfn, FrameState::buddy(order));
    blocks.push_front(memmap_.page(pfn));
  }
  return memmap_.pfn_of(*blocks.front());
}

// ---- Take. ----

size_t Buddy::take(Order order, Migratetype type, Reach reach, std::span<Frame> heads) {
  DCHECK(order.valid());
  size_t taken = 0;
  for (; taken < heads.size(); ++taken) {
    const Pfn pfn = take_one(order, type, reach);
    if (pfn == kNoPfn) break;
    heads[taken] = static_cast<Frame>(pfn.value());
  }
  return taken;
}

Pfn Buddy::take_smallest(Order wanted, Migratetype type) {
  for (Order order = wanted; order.valid(); order = order.higher()) {
    if (!has_free(order, type)) continue;
    const Pfn pfn = first_of(order, type);
    remove(pfn, order);
    // Keep the lower half, give the upper one back, until the block is as small as wanted.
    while (order > wanted) {
      order = order.lower();
      insert(pfn + order.pages(), order, type, false);
    }
    return pfn;
  }
  return kNoPfn;
}

// What a steal moved may be better than what it found, so the lists are asked anew.
Pfn Buddy::take_one(Order order, Migratetype type, Reach reach) {
  Pfn pfn = take_smallest(order, type);
  while (pfn == kNoPfn && steal(order, type, reach)) pfn = take_smallest(order, type);
  return pfn;
}

bool Buddy::find_fallback(Order order, Migratetype type, bool upward, Found& found) const {
  const rules::Fallbacks others = rules::fallbacks_of(type);
  for (unsigned i = order.value(); i <= Order::kMax; ++i) {
    const Order at(upward ? i : Order::kMax + order.value() - i);
    for (const Migratetype other : others) {
      if (!has_free(at, other)) continue;
      found = {at, other};
      return true;
    }
  }
  return false;
}

bool Buddy::steal(Order asked, Migratetype type, Reach reach) {
  if (reach == Reach::kOwn) return false;
  Found found;
  const Order least =
      reach == Reach::kMixing ? asked : std::max(asked, rules::least_unmixed(pageblock_order_));
  if (!find_fallback(least, type, false, found)) return false;
  if (rules::search_upward(found.order, asked, type, pageblock_order_)) {
    find_fallback(asked, type, true, found);
  }
  const Pfn pfn = first_of(found.order, found.type);
  const Migratetype pageblock_type = type_of(pfn);
  RING3_TRACE5(mm_page_alloc_extfrag, pfn.value(), asked.value(), found.order.value(),
               static_cast<unsigned>(type), static_cast<unsigned>(found.type));
  if (pageblock_type == Migratetype::kHighatomic) {
    move_to_tail(pfn, found.order, type);
    return true;
  }
  if (found.order >= pageblock_order_) {
    const Pfn end = pfn + found.order.pages();
    for (Pfn at = pfn; at < end; at = at + pageblock_order_.pages()) set_type(at, type);
    move_to_tail(pfn, found.order, type);
    return true;
  }
  boost_ = rules::boosted(boost_, managed_, high_mark_, boost_factor_, pageblock_order_);
  Contents contents;
  if (rules::may_claim(found.order, type, pageblock_order_)) contents = move_pageblock(pfn, type);
  if (contents.moved == 0) {
    move_to_tail(pfn, found.order, type);
    return true;
  }
  const uint64_t alike =
      rules::alike_pages(type, pageblock_type, contents.moved, contents.movable, pageblock_order_);
  if (rules::changes_type(contents.moved, alike, pageblock_order_)) set_type(pfn, type);
  return true;
}

Buddy::Contents Buddy::move_pageblock(Pfn pfn, Migratetype type) {
  Contents contents;
  Pfn at(align_down(pfn.value(), pageblock_order_.pages().value()));
  const Pfn end = at + pageblock_order_.pages();
  if (end > end_) return contents;
  if (at < start_) at = pfn;
  while (at < end) {
    const FrameState state = memmap_.state(at);
    if (state.kind() == PageState::kBuddy) {
      move_to_tail(at, state.order(), type);
      contents.moved += state.order().pages().value();
      at = at + state.order().pages();
    } else {
      contents.movable += memmap_.page(at).lru.load(std::memory_order_relaxed);
      at = at + PageCount(1);
    }
  }
  return contents;
}

// ---- Put. ----

size_t Buddy::put(Order order, std::span<Frame> heads) {
  for (const Frame head : heads) put_one(Pfn(head), order, type_of(Pfn(head)));
  return heads.size();
}

void Buddy::put_one(Pfn pfn, Order order, Migratetype type) {
  DCHECK(is_block_aligned(pfn, order));
  for (; order < kMaxOrder; order = order.higher()) {
    const Pfn buddy = buddy_of(pfn, order);
    if (!is_free(buddy, order)) break;
    if (!rules::may_merge(order, type, type_of(buddy), pageblock_order_)) break;
    remove(buddy, order);
    pfn = std::min(pfn, buddy);
  }
  bool at_tail = false;
  if (order <= rules::kHighestToTail) {
    const Pfn parent = std::min(pfn, buddy_of(pfn, order));
    at_tail = is_free(buddy_of(parent, order.higher()), order.higher());
  }
  insert(pfn, order, type, at_tail);
}

// ---- Reports and checks. ----

unsigned Buddy::orders() const {
  unsigned orders = kOrders;
  while (orders > 0 && blocks_[orders - 1] == 0) --orders;
  return orders;
}

FreeBlocks::TypedBlocks Buddy::free_blocks_by_type() const {
  TypedBlocks blocks{};
  for (size_t type = 0; type < kMigratetypes; ++type) {
    for (Order order(0); order.valid(); order = order.higher()) {
      uint64_t& count = blocks[type][order.value()];
      for ([[maybe_unused]] const Page& page : list(order, static_cast<Migratetype>(type))) ++count;
    }
  }
  blocks[static_cast<size_t>(Migratetype::kMovable)][Order::kMax] +=
      (fresh_end_ - fresh_start_) / kMaxOrder.pages();
  return blocks;
}

size_t Buddy::count_faults() const {
  size_t faults = 0;
  PageCount listed{0};
  for (Order order(0); order.valid(); order = order.higher()) {
    uint64_t blocks = 0;
    if (order == kMaxOrder) {
      blocks = (fresh_end_ - fresh_start_) / order.pages();
      listed += fresh_end_ - fresh_start_;
    }
    for (size_t type = 0; type < kMigratetypes; ++type) {
      for (const Page& page : list(order, static_cast<Migratetype>(type))) {
        const Pfn pfn = memmap_.pfn_of(page);
        const bool mergeable = order < pageblock_order_ && is_free(buddy_of(pfn, order), order);
        if (!is_free(pfn, order) || !is_block_aligned(pfn, order) || mergeable) ++faults;
        ++blocks;
        listed += order.pages();
      }
    }
    if (blocks != blocks_[order.value()]) ++faults;
  }
  if (listed != free_pages_) ++faults;
  return faults;
}

}  // namespace ring3::mm
