#include "mm/pages/kernel_pcp.h"

#include <algorithm>

namespace ring3::mm {
namespace {

constexpr size_t kPcpTypes = 3;  // MIGRATE_PCPTYPES: not the highatomic ones
constexpr size_t kSmallLists = (rules::kCostlyOrder.value() + 1) * kPcpTypes;

}  // namespace

KernelPcp::KernelPcp(Buddy& buddy, Sizes sizes)
    : buddy_(buddy),
      sizes_(sizes),
      lists_(kSmallLists + (buddy.pageblock_order() < kMaxOrder ? 2 : 0)),
      tuning_{.high = sizes.high.min} {}

size_t KernelPcp::index_of(Order order, Migratetype type) const {
  if (order > rules::kCostlyOrder) return kSmallLists + (type == Migratetype::kMovable);
  return order.value() * kPcpTypes + static_cast<size_t>(type);
}

Order KernelPcp::order_of(size_t index) const {
  return index < kSmallLists ? Order(static_cast<unsigned>(index / kPcpTypes))
                             : buddy_.pageblock_order();
}

Pfn KernelPcp::take(Order order, Migratetype type, bool below_high) {
  rules::tell_alloc(tuning_);
  Entries& list = lists_[index_of(order, type)];
  if (list.empty()) {
    const uint64_t blocks =
        rules::refill_blocks(buddy_.persona(), tuning_, level(below_high), order);
    for (uint64_t i = 0; i < blocks; ++i) {
      const Pfn pfn = buddy_.take_one(order, type);
      if (pfn == kNoPfn) break;
      list.push_back({pfn, type});
      count_ += order.pages().value();
    }
    if (list.empty()) return kNoPfn;
  }
  const Pfn pfn = list.front().pfn;
  list.pop_front();
  count_ -= order.pages().value();
  return pfn;
}

bool KernelPcp::put(Pfn pfn, Order order, Migratetype type, bool below_high) {
  const bool reserve = type == Migratetype::kHighatomic;
  const size_t index = index_of(order, reserve ? Migratetype::kMovable : type);
  lists_[index].push_front({pfn, type});
  count_ += order.pages().value();
  const uint64_t pages = rules::pages_to_free(buddy_.persona(), tuning_, level(below_high), order);
  free_bulk(pages, index);
  return pages != 0;
}

void KernelPcp::free_bulk(uint64_t pages, size_t index) {
  for (pages = std::min(pages, count_); pages != 0; index = (index + 1) % lists_.size()) {
    Entries& list = lists_[index];
    const Order order = order_of(index);
    while (pages != 0 && !list.empty()) {
      const Entry entry = list.back();
      list.pop_back();
      count_ -= order.pages().value();
      pages -= std::min(pages, order.pages().value());
      const bool as_it_came = !buddy_.persona().typed_lists;
      buddy_.put_one(entry.pfn, order, as_it_came ? entry.type : buddy_.type_of(entry.pfn));
    }
  }
}

void KernelPcp::restore(size_t index, Entry entry) {
  lists_[index].push_back(entry);
  count_ += order_of(index).pages().value();
}

}  // namespace ring3::mm
