#include "harness/replay/background.h"

#include <algorithm>

namespace ring3::harness {
namespace {

using mm::Gfp;
using mm::Order;

constexpr unsigned kEnough = 20;  // refusals in a row
// As the 199,089 allocations of a kernel build, in thousandths: single pages but for kernel stacks
// and a few buffers.
Order draw_order(Prng& prng) {
  const uint64_t draw = prng.below(1000);
  if (draw < 960) return Order(0);
  if (draw < 996) return Order(1);
  return draw < 998 ? Order(2) : draw < 999 ? Order(3) : Order(5);
}

Gfp draw_gfp(Prng& prng) {
  const uint64_t draw = prng.below(1000);
  if (draw < Background::kUnmovableShare) return mm::kGfpKernel;
  if (draw < Background::kUnmovableShare + Background::kReclaimableShare) {
    return mm::kGfpKernel | mm::kGfpFlagReclaimable;
  }
  return mm::kGfpHighuserMovable;
}

}  // namespace

void Background::grow_to(mm::PageCount pages) {
  for (unsigned refusals = 0; in_use_ < pages && refusals < kEnough;) {
    const Gfp gfp = draw_gfp(prng_) | mm::kGfpFlagNowarn;
    const Order order = draw_order(prng_);
    mm::Page* page = pages_.alloc_pages(gfp, order);
    refusals = page == nullptr ? refusals + 1 : 0;
    if (page == nullptr) continue;
    types_.set(pages_.pfn_of(page), mm::migratetype_of(gfp));
    blocks_.push_back({page, order});
    in_use_ += order.pages();
  }
}

void Background::shrink_to(mm::PageCount pages) {
  while (in_use_ > pages) {
    Block& block = blocks_[prng_.below(blocks_.size())];
    pages_.free_pages(block.page, block.order);
    in_use_ -= block.order.pages();
    block = blocks_.back();
    blocks_.pop_back();
  }
}

void Background::fill(unsigned percent) {
  const mm::PageCount total = pages_.total_pages();
  const mm::PageCount wanted = total * percent / 100;
  if (wanted == mm::PageCount(0)) return;
  grow_to(total);
  shrink_to(wanted);
  for (unsigned round = 0; round < kRounds; ++round) {
    shrink_to(wanted - wanted / 10);
    grow_to(wanted);
  }
}

void Background::free_all() {
  for (const Block& block : blocks_) pages_.free_pages(block.page, block.order);
  blocks_.clear();
  in_use_ = mm::PageCount(0);
}

}  // namespace ring3::harness
