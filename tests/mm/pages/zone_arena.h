#pragma once

// A zone of the kernel's allocator with all of its memory free, for tests of single rules.

#include <boost/test/unit_test.hpp>

#include <utility>
#include <vector>

#include "mm/pages/frame_tables.h"
#include "mm/pages/kernel_zone.h"

namespace ring3::mm {

// Requests that wait for nobody and wake nobody.
inline constexpr Gfp kNeither = kGfpFlagNowarn | kGfpFlagNomemalloc;
inline constexpr Gfp kMovable = kNeither | kGfpFlagMovable;
inline constexpr Gfp kHigh = kGfpFlagHigh | kGfpFlagNowarn;

struct ZoneArena {
  explicit ZoneArena(uint64_t frames = 4096, KernelPcp::Sizes pcp = {},
                     const rules::Persona& persona = rules::kLinux61, uint64_t boost_factor = 0)
      : tables(std::move(FrameTables::create(PageCount(1 << 16)).value())),
        memmap(tables.memmap(nullptr)),
        zone(memmap, {.start = Pfn(0),
                      .end = Pfn(frames),
                      .managed = PageCount(frames),
                      .watermarks = {PageCount(16), PageCount(20), PageCount(24)},
                      .boost_factor = boost_factor,
                      .pageblock_order = kPageblockOrder,
                      .pcp = pcp,
                      .persona = &persona}) {
    zone.buddy().add_free_range(Pfn(0), Pfn(frames));
  }
  ~ZoneArena() { BOOST_TEST(zone.buddy().count_faults() == 0u); }

  std::vector<Pfn> take_all(Gfp gfp, unsigned order) {
    std::vector<Pfn> all;
    for (Pfn pfn; (pfn = zone.alloc(gfp, Order(order))) != kNoPfn;) all.push_back(pfn);
    return all;
  }
  // The next whole pageblock, in use, all of whose pages count as movable or none does.
  Pfn fill_pageblock(Migratetype type, bool lru) {
    const Pfn pfn = zone.buddy().take_one(kPageblockOrder, type);
    zone.set_lru(pfn, kPageblockOrder, lru);
    return pfn;
  }
  // Frees a part of what is in use.
  void put(Pfn pfn, unsigned order) {
    zone.set_lru(pfn, Order(order), false);
    zone.buddy().put_typed(pfn, Order(order));
  }

  FrameTables tables;
  Memmap memmap;
  KernelZone zone;
};

}  // namespace ring3::mm
