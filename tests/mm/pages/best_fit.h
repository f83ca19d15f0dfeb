#pragma once

// A third policy, to show what one is: best fit by address. Of the smallest free blocks that will
// do, the lowest is given. It keeps them in ordered sets of its own, writes no descriptor, and is
// given to an allocator as &kBestFitPolicy.

#include <array>
#include <memory>
#include <ostream>
#include <set>
#include <span>

#include "mm/pages/pages.h"

namespace ring3::mm {

class BestFit final : public FreeBlocks {
 public:
  BestFit(Pfn start, Pfn end) : start_(start), end_(end) {}

  void add_free_range(Pfn start, Pfn end) override {
    for (Pfn pfn = start; pfn < end; pfn = pfn + PageCount(1)) put_one(pfn, Order(0));
  }

  size_t take(Order order, Migratetype /*type*/, Reach /*reach*/, std::span<Frame> heads) override {
    size_t taken = 0;
    for (; taken < heads.size(); ++taken) {
      Order found = order;
      while (found.valid() && set(found).empty()) found = found.higher();
      if (!found.valid()) break;
      const Pfn pfn(*set(found).begin());
      remove(pfn, found);
      while (found > order) {
        found = found.lower();
        insert(pfn + found.pages(), found);
      }
      heads[taken] = static_cast<Frame>(pfn.value());
    }
    return taken;
  }

  size_t put(Order order, std::span<Frame> heads) override {
    for (const Frame head : heads) put_one(Pfn(head), order);
    return heads.size();
  }

  unsigned orders() const override {
    unsigned orders = kOrders;
    while (orders > 0 && sets_[orders - 1].empty()) --orders;
    return orders;
  }
  PageCount free_pages() const override { return free_pages_; }
  std::array<uint64_t, kOrders> free_blocks() const override {
    std::array<uint64_t, kOrders> blocks;
    for (size_t order = 0; order < kOrders; ++order) blocks[order] = sets_[order].size();
    return blocks;
  }
  TypedBlocks free_blocks_by_type() const override {
    TypedBlocks blocks{};
    blocks[static_cast<size_t>(Migratetype::kMovable)] = free_blocks();
    return blocks;
  }

  size_t count_faults() const override {
    size_t faults = 0;
    PageCount pages{0};
    for (Order order(0); order.valid(); order = order.higher()) {
      for (const Frame frame : sets_[order.value()]) {
        const Pfn pfn(frame);
        if (pfn < start_ || pfn + order.pages() > end_ || !is_block_aligned(pfn, order)) ++faults;
        if (order < kMaxOrder && is_free(buddy_of(pfn, order), order)) ++faults;
        pages += order.pages();
      }
    }
    return faults + (pages != free_pages_);
  }

 private:
  std::set<Frame>& set(Order order) { return sets_[order.value()]; }
  bool is_free(Pfn pfn, Order order) const {
    return sets_[order.value()].contains(static_cast<Frame>(pfn.value()));
  }
  void insert(Pfn pfn, Order order) {
    set(order).insert(static_cast<Frame>(pfn.value()));
    free_pages_ += order.pages();
  }
  void remove(Pfn pfn, Order order) {
    set(order).erase(static_cast<Frame>(pfn.value()));
    free_pages_ -= order.pages();
  }
  void put_one(Pfn pfn, Order order) {
    for (; order < kMaxOrder; order = order.higher()) {
      const Pfn buddy = buddy_of(pfn, order);
      if (!is_free(buddy, order)) break;
      remove(buddy, order);
      pfn = std::min(pfn, buddy);
    }
    insert(pfn, order);
  }

  Pfn start_;
  Pfn end_;
  std::array<std::set<Frame>, kOrders> sets_;
  PageCount free_pages_{0};
};

inline const PagePolicy kBestFitPolicy{
    .name = "best fit",
    .make = [](const Memmap&, Pfn start, Pfn end) -> Result<std::unique_ptr<FreeBlocks>> {
      return std::unique_ptr<FreeBlocks>(std::make_unique<BestFit>(start, end));
    },
    .orders_on_cpus = 1,  // single pages
    .smallest_region = PageCount::max(),
    .finds_doubles = false};

// What every policy is tested for.
inline constexpr std::array<const PagePolicy*, 5> kTestedPolicies = {
    &kKernelPolicy, &kKernel612Policy, &kKernel618Policy, &kPackedPolicy, &kBestFitPolicy};

inline std::ostream& operator<<(std::ostream& out, const PagePolicy* policy) {
  return out << policy->name;
}

}  // namespace ring3::mm
