#pragma once

// What the kernel tells of its zones under /proc, as numbers. All counts are of pages, if not said
// otherwise.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mm/pages/gfp.h"
#include "mm/pages/page_policy.h"
#include "mm/pages/watermark.h"

namespace ring3::mm {

// What one CPU keeps of a zone on its lists, and may.
struct PagesetFacts {
  uint64_t count = 0;
  uint64_t high = 0;
  uint64_t batch = 0;
  uint64_t high_min = 0;
  uint64_t high_max = 0;
  uint64_t stat_threshold = 0;
};

struct ZoneFacts {
  unsigned node = 0;
  std::string name;  // zone_name()
  uint64_t free = 0;
  Watermarks marks{};
  uint64_t spanned = 0;
  uint64_t present = 0;
  uint64_t managed = 0;
  uint64_t start_pfn = 0;
  std::vector<uint64_t> protection{};  // by the highest zone that a request may use, of those told
  std::vector<PagesetFacts> pagesets{};  // by CPU
  FreeBlocks::TypedBlocks free_blocks{};
  std::array<uint64_t, kMigratetypes> pageblocks{};  // by type
  // By type, those in which blocks of another type lie, where owners are recorded.
  std::optional<std::array<uint64_t, kMigratetypes>> mixed_pageblocks{};
  uint64_t allocations = 0;  // so far, of blocks
  uint64_t allocated = 0;    // so far, of pages
  uint64_t in_use = 0;       // of them, now
  uint64_t stalls = 0;       // requests that start here and asked shrinkers
  // Of the allocations: by requests for this node and for another, and by its own CPUs and others.
  uint64_t numa_hit = 0;
  uint64_t numa_miss = 0;
  uint64_t numa_local = 0;
  uint64_t numa_other = 0;
  uint64_t numa_foreign = 0;  // requests for this zone that other nodes served

  bool populated() const { return present != 0; }
  std::array<uint64_t, kOrders> blocks_by_order() const {
    std::array<uint64_t, kOrders> blocks{};
    for (const auto& of_type : free_blocks) {
      for (size_t order = 0; order < kOrders; ++order) blocks[order] += of_type[order];
    }
    return blocks;
  }
};

// What is counted of the machine as a whole, so far.
struct VmEvents {
  uint64_t slabs_scanned = 0;  // pages that shrinkers were asked for
  uint64_t oom_kills = 0;      // times that somebody freed memory because it had run out
};

}  // namespace ring3::mm
