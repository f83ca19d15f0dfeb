#pragma once

#include <boost/test/unit_test.hpp>
#include <memory>
#include <utility>

#include "mm/pages/page_alloc.h"
#include "tests/policy.h"
#include "tests/recording_sink.h"

namespace ring3::mm {

// A checked allocator of 64 MiB, DMA 16, DMA32 32, Movable 16, whose end proves that nothing
// leaked.
struct PagesFixture {
  explicit PagesFixture(size_t mib = 64)
      : lockdep(std::move(lockdep::Lockdep::create(sink).value())),
        pages(std::move(PageAllocator::create({.size_bytes = mib << 20,
                                               .lockdep = lockdep.get(),
                                               .reports = &sink,
                                               .policy = &test::page_policy(),
                                               .failures = &failures,
                                               .page_owner = true})
                            .value())) {}
  ~PagesFixture() {
    BOOST_TEST(pages->count_faults() == 0u);
    pages->drain_all();
    BOOST_TEST(pages->allocated_pages().value() == 0u);
    BOOST_TEST(lockdep->reports() == 0u);
  }
  Page* alloc(Gfp gfp, unsigned order) { return pages->alloc_pages(gfp, Order(order)); }
  void free(Page* page, unsigned order) { pages->free_pages(page, Order(order)); }
  ZoneType zone_of(const Page* page) const {
    const uint64_t mib = pages->pfn_of(page).value() / 256;
    return mib < 16 ? ZoneType::kDma : mib < 48 ? ZoneType::kDma32 : ZoneType::kMovable;
  }

  test::RecordingSink sink;
  test::RecordingSink failures;  // what the allocator says of requests that it refuses
  std::unique_ptr<lockdep::Lockdep> lockdep;
  std::unique_ptr<PageAllocator> pages;
};

}  // namespace ring3::mm
