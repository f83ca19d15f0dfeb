#pragma once

// The field's churn, for the tests and the bench: memory is filled with single pages, a random half
// of which goes; then a tenth of what is left goes and as much comes, a hundred times.

#include <utility>
#include <vector>

#include "lib/prng.h"
#include "mm/pages/pages.h"

namespace ring3::test {

// The share of the 2 MiB blocks that free memory could be, in percent, after churn over an arena of
// `bytes`.
inline double whole_after_churn(const mm::PagePolicy& policy, size_t bytes) {
  const auto pages =
      std::move(mm::PageAllocator::create({.size_bytes = bytes, .policy = &policy}).value());
  const mm::Gfp gfp = mm::kGfpHighuserMovable | mm::kGfpFlagNowarn;
  std::vector<mm::Page*> held;
  while (mm::Page* page = pages->alloc_pages(gfp, mm::Order(0))) held.push_back(page);
  Prng prng(1);
  const auto release_any = [&] {
    std::swap(held[prng.below(held.size())], held.back());
    pages->free_pages(held.back(), mm::Order(0));
    held.pop_back();
  };
  for (size_t goal = held.size() / 2; held.size() > goal;) release_any();
  for (int round = 0; round < 100; ++round) {
    const size_t replaced = held.size() / 10;
    for (size_t i = 0; i < replaced; ++i) release_any();
    for (size_t i = 0; i < replaced; ++i) held.push_back(pages->alloc_pages(gfp, mm::Order(0)));
  }
  pages->drain_all();
  const auto blocks = pages->free_blocks();
  const double whole = static_cast<double>(blocks[9] + 2 * blocks[10]);
  const double possible = static_cast<double>(pages->free_pages_count().value()) / 512;
  while (!held.empty()) release_any();
  return 100 * whole / possible;
}

}  // namespace ring3::test
