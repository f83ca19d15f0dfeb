#pragma once

// What has lived in memory for long when a trace begins: pages of all types that came and went, so
// that what is free lies scattered as it does on a machine that has been up for a while.

#include <cstdint>
#include <vector>

#include "harness/replay/page_map.h"
#include "lib/prng.h"
#include "mm/mm.h"

namespace ring3::harness {

class Background {
 public:
  // Shares of its pages, in thousandths, as the pageblocks of a desktop after days of work
  // (/proc/pagetypeinfo of Linux 6.18: 220, 3,411 and 273); the rest is movable.
  static constexpr unsigned kUnmovableShare = 56;
  static constexpr unsigned kReclaimableShare = 70;

  // Nothing yet. `pages` and `types` outlive it.
  Background(mm::PageAllocator& pages, PageTypes& types, uint64_t seed)
      : pages_(pages), types_(types), prng_(seed) {}

  // Fills memory to the top, gives back at random until `percent` of all pages are in use,
  // and then, round by round, gives back a tenth of them at random and takes as many again (the
  // field's churn: many come and go at once, as those of a process do). The same seed asks for the
  // same blocks in the same order, whoever gives them.
  static constexpr unsigned kRounds = 100;
  void fill(unsigned percent);
  // Gives all back.
  void free_all();

  mm::PageCount in_use() const { return in_use_; }

 private:
  struct Block {
    mm::Page* page;
    mm::Order order;
  };

  // Until so many pages are in use, or nearly everything is refused.
  void grow_to(mm::PageCount pages);
  void shrink_to(mm::PageCount pages);

  mm::PageAllocator& pages_;
  PageTypes& types_;
  Prng prng_;
  std::vector<Block> blocks_;
  mm::PageCount in_use_{0};
};

}  // namespace ring3::harness
