#pragma once

// One zone of the kernel's allocator on one CPU, to the last pfn: its free lists, its per-CPU
// lists, its watermarks with their boost, and the highatomic reserve. For a request that may
// neither wait nor wake anybody, it gives the frame that Linux gives, of the version that the
// persona is. Pure: no lock.

#include <cstdint>

#include "mm/pages/buddy.h"
#include "mm/pages/kernel_pcp.h"
#include "mm/pages/watermark.h"

namespace ring3::mm {

class KernelZone {
 public:
  struct Config {
    Pfn start;
    Pfn end;
    PageCount managed;
    Watermarks watermarks;  // without a boost
    uint64_t boost_factor;  // vm.watermark_boost_factor
    Order pageblock_order;
    KernelPcp::Sizes pcp;
    const rules::Persona* persona = &rules::kLinux61;
  };
  // With no free block. `memmap` covers the zone and outlives it.
  KernelZone(const Memmap& memmap, const Config& config);

  // The head of a block that gfp and order ask for; kNoPfn when there is none above the marks.
  Pfn alloc(Gfp gfp, Order order);
  void free(Pfn pfn, Order order);
  // Marks the pages of a block in use as movable ones or takes the mark off (PG_lru).
  void set_lru(Pfn pfn, Order order, bool lru);

  Buddy& buddy() { return buddy_; }
  const Buddy& buddy() const { return buddy_; }
  KernelPcp& pcp() { return pcp_; }
  const KernelPcp& pcp() const { return pcp_; }
  uint64_t highatomic_pages() const { return highatomic_; }
  void set_highatomic_pages(uint64_t pages) { highatomic_ = pages; }

 private:
  // One walk over the zone (get_page_from_freelist): with `reserves`, of a request that may use
  // them.
  Pfn attempt(Order order, Migratetype type, PageCount mark, bool reserves);
  bool may_take(Order order, PageCount mark, bool reserves) const;
  bool watermark_ok(Order order, uint64_t mark, bool reserves) const;
  bool is_above_high() const {
    return watermark_ok(Order(0), config_.watermarks.high.value() + buddy_.boost(), false);
  }
  Pfn take(Order order, Migratetype type, bool reserves);
  void reserve_highatomic(Pfn pfn, Order order);

  const Memmap memmap_;
  const Config config_;
  Buddy buddy_;
  KernelPcp pcp_;
  uint64_t highatomic_ = 0;  // pages of pageblocks that are kept for high-order requests in need
  bool below_high_ = false;  // ZONE_BELOW_HIGH
};

}  // namespace ring3::mm
