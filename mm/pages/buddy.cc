#include "mm/pages/buddy.h"

#include <algorithm>
#include <bit>

#include "lib/tracepoint.h"

namespace ring3::mm {

namespace {

template <size_t persona>
constexpr PagePolicy policy_of(std::string_view name) {
  uint32_t orders = 0;
  for (Order order(0); order.valid(); order = order.higher()) {
    orders |= uint32_t{rules::on_pcp(order, kPageblockOrder)} << order.value();
  }
  return {
      .name = name,
      .make = [](const Memmap& memmap, Pfn start, Pfn end) -> Result<std::unique_ptr<FreeBlocks>> {
        return std::unique_ptr<FreeBlocks>(std::make_unique<Buddy>(
            memmap, start, end, kPageblockOrder, rules::kPersonas[persona]));
      },
      .orders_on_cpus = orders,
      .smallest_region = PageCount::max(),
      .finds_doubles = false};
}

void trace_foreign(Pfn pfn, Order asked, Order found, Migratetype type, Migratetype other) {
  RING3_TRACE5(mm_page_alloc_extfrag, pfn.value(), asked.value(), found.value(),
               static_cast<unsigned>(type), static_cast<unsigned>(other));
}

}  // namespace

const PagePolicy kKernelPolicy = policy_of<0>("kernel");
const PagePolicy kKernel612Policy = policy_of<1>("kernel-6.12");
const PagePolicy kKernel618Policy = policy_of<2>("kernel-6.18");

Buddy::Buddy(const Memmap& memmap, Pfn start, Pfn end, Order pageblock_order,
             const rules::Persona& persona)
    : memmap_(memmap),
      start_(start),
      end_(end),
      pageblock_order_(pageblock_order),
      persona_(persona) {
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
    return split(pfn, order, wanted, type);
  }
  return kNoPfn;
}

Pfn Buddy::take_one(Order order, Migratetype type, Reach reach) {
  const Pfn pfn = take_smallest(order, type);
  return pfn == kNoPfn && reach != Reach::kOwn ? take_foreign(order, type, reach) : pfn;
}

Pfn Buddy::take_foreign(Order asked, Migratetype type, Reach reach) {
  const bool may_mix = reach == Reach::kMixing;
  const Order least = may_mix ? asked : std::max(asked, rules::least_unmixed(pageblock_order_));
  if (!persona_.claims_first) {
    std::optional<Found> found = find_fallback(least, type, false);
    if (!found) return kNoPfn;
    if (rules::search_upward(found->order, asked, type, pageblock_order_)) {
      found = find_fallback(asked, type, true);
    }
    const Pfn pfn = claim(*found, asked, type);
    return pfn == kNoPfn ? steal(*found, asked, type) : pfn;
  }
  for (Order at = kMaxOrder;; at = at.lower()) {
    if (!rules::may_claim(at, type, pageblock_order_)) break;
    const std::optional<Found> found = fallback_of(at, type);
    const Pfn pfn = found ? claim(*found, asked, type) : kNoPfn;
    if (pfn != kNoPfn) return pfn;
    if (at == least) break;
  }
  const auto found = may_mix ? find_fallback(asked, type, true) : std::nullopt;
  return found ? steal(*found, asked, type) : kNoPfn;
}

std::optional<Buddy::Found> Buddy::fallback_of(Order order, Migratetype type) const {
  for (const Migratetype other : rules::fallbacks_of(type)) {
    if (has_free(order, other)) return Found{order, other};
  }
  return std::nullopt;
}

std::optional<Buddy::Found> Buddy::find_fallback(Order order, Migratetype type, bool upward) const {
  for (unsigned i = order.value(); i <= Order::kMax; ++i) {
    const Order at(upward ? i : Order::kMax + order.value() - i);
    if (const std::optional<Found> found = fallback_of(at, type)) return found;
  }
  return std::nullopt;
}

// What moved may be better than what was found, so the lists are asked anew.
Pfn Buddy::claim(const Found& found, Order asked, Migratetype type) {
  const Pfn pfn = first_of(found.order, found.type);
  const Migratetype pageblock_type = type_of(pfn);
  if (pageblock_type == Migratetype::kHighatomic) return kNoPfn;
  if (found.order >= pageblock_order_) {
    const Pfn end = pfn + found.order.pages();
    for (Pfn at = pfn; at < end; at = at + pageblock_order_.pages()) set_type(at, type);
    trace_foreign(pfn, asked, found.order, type, found.type);
    return split(pfn, found.order, asked, type);
  }
  boost_ = rules::boosted(boost_, managed_, high_mark_, boost_factor_, pageblock_order_);
  if (!rules::may_claim(found.order, type, pageblock_order_)) return kNoPfn;
  const Contents contents = contents_of(pfn);
  if (contents.free == 0) return kNoPfn;
  const uint64_t alike =
      rules::alike_pages(type, pageblock_type, contents.free, contents.movable, pageblock_order_);
  const bool changes = rules::changes_type(contents.free, alike, pageblock_order_);
  if (!changes && persona_.typed_lists) return kNoPfn;
  trace_foreign(pfn, asked, found.order, type, found.type);
  move_free(contents, type);
  if (changes) set_type(pfn, type);
  return take_smallest(asked, type);
}

Pfn Buddy::steal(const Found& found, Order asked, Migratetype type) {
  const Pfn pfn = first_of(found.order, found.type);
  trace_foreign(pfn, asked, found.order, type, found.type);
  return split(pfn, found.order, asked, persona_.typed_lists ? found.type : type);
}

// Keeps the lower half and gives the upper one back, until the block is as small as wanted.
Pfn Buddy::split(Pfn pfn, Order order, Order wanted, Migratetype rest) {
  remove(pfn, order);
  while (order > wanted) {
    order = order.lower();
    insert(pfn + order.pages(), order, rest, false);
  }
  return pfn;
}

Buddy::Contents Buddy::contents_of(Pfn pfn) const {
  Contents contents;
  contents.start = Pfn(align_down(pfn.value(), pageblock_order_.pages().value()));
  contents.end = contents.start + pageblock_order_.pages();
  if (contents.start < start_ && !persona_.typed_lists) contents.start = pfn;
  if (contents.start < start_ || contents.end > end_) return {.start = pfn, .end = pfn};
  for (Pfn at = contents.start; at < contents.end;) {
    const FrameState state = memmap_.state(at);
    if (state.kind() == PageState::kBuddy) {
      contents.free += state.order().pages().value();
      at = at + state.order().pages();
    } else {
      contents.movable += memmap_.page(at).lru.load(std::memory_order_relaxed);
      at = at + PageCount(1);
    }
  }
  return contents;
}

void Buddy::move_free(const Contents& contents, Migratetype type) {
  for (Pfn at = contents.start; at < contents.end;) {
    const FrameState state = memmap_.state(at);
    const bool is_free = state.kind() == PageState::kBuddy;
    if (is_free) move_to_tail(at, state.order(), type);
    at = at + (is_free ? state.order().pages() : PageCount(1));
  }
}

bool Buddy::move_pageblock(Pfn pfn, Migratetype type) {
  const Contents contents = contents_of(pfn);
  if (contents.start == contents.end) return false;
  set_type(pfn, type);
  move_free(contents, type);
  return true;
}

// ---- Put. ----

size_t Buddy::put(Order order, std::span<Frame> heads) {
  for (const Frame head : heads) put_typed(Pfn(head), order);
  return heads.size();
}

void Buddy::put_typed(Pfn pfn, Order order) {
  const Order step = persona_.typed_lists ? std::min(order, pageblock_order_) : order;
  const Pfn end = pfn + order.pages();
  for (Pfn at = pfn; at < end; at = at + step.pages()) put_one(at, step, type_of(at));
}

void Buddy::put_one(Pfn pfn, Order order, Migratetype type) {
  DCHECK(is_block_aligned(pfn, order));
  for (; order < kMaxOrder; order = order.higher()) {
    const Pfn buddy = buddy_of(pfn, order);
    if (!is_free(buddy, order)) break;
    const Migratetype buddy_type = type_of(buddy);
    if (!rules::may_merge(order, type, buddy_type, pageblock_order_)) break;
    remove(buddy, order);
    if (persona_.typed_lists && buddy_type != type) set_type(buddy, type);
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

PageCount Buddy::free_pages_of(Migratetype type) const {
  PageCount pages{0};
  for (Order order(0); order.valid(); order = order.higher()) {
    for ([[maybe_unused]] const Page& page : list(order, type)) pages += order.pages();
  }
  return type == Migratetype::kMovable ? pages + (fresh_end_ - fresh_start_) : pages;
}

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
        const bool misplaced = persona_.typed_lists && static_cast<size_t>(type_of(pfn)) != type;
        if (!is_free(pfn, order) || !is_block_aligned(pfn, order) || mergeable || misplaced) {
          ++faults;
        }
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
