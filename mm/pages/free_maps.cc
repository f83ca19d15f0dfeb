#include "mm/pages/free_maps.h"

#include <algorithm>

#include "lib/bits.h"

namespace ring3::mm {

Result<FreeMaps> FreeMaps::create(const Memmap& memmap, Pfn start, Pfn end) {
  const Pfn base(align_down(start.value(), kMaxOrder.pages().value()));
  std::vector<IndexSet> maps;
  for (Order order(0); order.valid(); order = order.higher()) {
    Result<IndexSet> map =
        IndexSet::create(div_round_up((end - base).value(), order.pages().value()));
    if (!map) return map.error();
    maps.push_back(std::move(*map));
  }
  return FreeMaps(memmap, base, std::move(maps));
}

void FreeMaps::insert(Page& page, Order order) {
  const size_t index = index_of(page, order);
  maps_[order.value()].insert(index);
  lowest_[order.value()] = std::min(lowest_[order.value()], index);
  if (order < kPageblockOrder) first_in_use_ = std::min(first_in_use_, pageblock_of(index, order));
}

void FreeMaps::remove(Page& page, Order order) {
  maps_[order.value()].erase(index_of(page, order));
}

size_t FreeMaps::lowest(Order order) {
  size_t& lowest = lowest_[order.value()];
  if (lowest != IndexSet::kNone) lowest = maps_[order.value()].at_or_after(lowest);
  return lowest;
}

Page* FreeMaps::choose(Order wanted, Order& found) {
  if (wanted < kPageblockOrder) {
    // Mostly the lowest pageblock with any room has enough; else the lowest of those that the
    // orders' lowest blocks lie in has.
    if (Page* page = smallest_in(first_in_use_, wanted, found)) return page;
    const size_t pageblock = lowest_with(wanted);
    if (wanted == Order(0)) first_in_use_ = pageblock;
    if (Page* page = smallest_in(pageblock, wanted, found)) return page;
  }
  for (found = std::max(wanted, kPageblockOrder); found.valid(); found = found.higher()) {
    const size_t index = lowest(found);
    if (index != IndexSet::kNone) return &page_at(index, found);
  }
  return nullptr;
}

Page* FreeMaps::smallest_in(size_t pageblock, Order wanted, Order& found) const {
  if (pageblock == IndexSet::kNone) return nullptr;
  for (found = wanted; found < kPageblockOrder; found = found.higher()) {
    const IndexSet& map = maps_[found.value()];
    const size_t blocks = size_t{1} << (kPageblockOrder.value() - found.value());
    const size_t first = pageblock * blocks;
    const size_t index = map.first_in(first, std::min(first + blocks, map.limit()));
    if (index != IndexSet::kNone) return &page_at(index, found);
  }
  return nullptr;
}

size_t FreeMaps::lowest_with(Order wanted) {
  size_t pageblock = IndexSet::kNone;
  for (Order order = wanted; order < kPageblockOrder; order = order.higher()) {
    const size_t index = lowest(order);
    if (index != IndexSet::kNone) pageblock = std::min(pageblock, pageblock_of(index, order));
  }
  return pageblock;
}

}  // namespace ring3::mm
