#pragma once

// The kernel's per-CPU lists of free blocks: one an order and migratetype, whose lengths tune
// themselves to what comes and goes. Pure: no lock; in the kernel, the CPU's.

#include <cstdint>
#include <deque>
#include <vector>

#include "mm/pages/buddy.h"

namespace ring3::mm {

class KernelPcp {
 public:
  // A block on a list, and the type that it came as: what it goes back as where lists are not
  // typed, whatever its pageblock has become.
  struct Entry {
    Pfn pfn;
    Migratetype type;
    bool operator==(const Entry&) const = default;
  };
  using Entries = std::deque<Entry>;  // the head in front

  // In pages: between what the number tunes itself that a CPU keeps (0: none, the lists are off),
  // and how many go at a time.
  struct Sizes {
    rules::PcpHigh high{};
    uint64_t batch = 1;
  };

  // Lists of the orders that rules::on_pcp() says, over `buddy`, which outlives it.
  KernelPcp(Buddy& buddy, Sizes sizes);

  // A block for contents of `type`, from this CPU's list or a refill; kNoPfn when there is none.
  // `below_high`: the zone has less than its high mark free.
  Pfn take(Order order, Migratetype type, bool below_high = false);
  // Takes back a block of a pageblock of `type`. True when some went on to the free blocks.
  bool put(Pfn pfn, Order order, Migratetype type, bool below_high = false);

  // ---- State. ----

  const Sizes& sizes() const { return sizes_; }
  uint64_t count() const { return count_; }  // pages on all lists
  const rules::PcpTuning& tuning() const { return tuning_; }
  size_t lists() const { return lists_.size(); }
  const Entries& list(size_t index) const { return lists_[index]; }
  Order order_of(size_t index) const;
  // Continues from what was recorded.
  void restore(const rules::PcpTuning& tuning) { tuning_ = tuning; }
  void restore(size_t index, Entry entry);

 private:
  // By order, and in it by type; huge pages have two, for what is movable and what is not
  // (order_to_pindex).
  size_t index_of(Order order, Migratetype type) const;
  rules::PcpLevel level(bool below_high) const {
    return {count_, sizes_.high, sizes_.batch, below_high};
  }
  // Gives back `pages`, from the tail of list `index` and of those that follow, each until it is
  // empty.
  void free_bulk(uint64_t pages, size_t index);

  Buddy& buddy_;
  Sizes sizes_;
  std::vector<Entries> lists_;
  uint64_t count_ = 0;
  rules::PcpTuning tuning_;
};

}  // namespace ring3::mm
