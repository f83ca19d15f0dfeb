#pragma once

// What a policy of the page allocator is: where a zone's free blocks are kept, and which of those
// that would do is given. Zones, marks, flags, checks, CPUs' lists and texts are the same for all.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "lib/result.h"
#include "mm/pages/gfp.h"
#include "mm/pages/memmap.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

// How far a request goes for a block: the further, the more memory is fragmented for long.
enum class Reach : uint8_t {
  kOwn,     // to what is free in pageblocks of its type that are in use
  kWhole,   // to whole pageblocks too, which become ones of its type
  kMixing,  // to parts of pageblocks too in which contents of another type lie
};

// The free blocks of one zone. No lock: the Zone's is held, and the blocks that come and go are
// nobody else's meanwhile. All pageblocks begin as movable ones; which type they become, the
// Memmap's table says, and the policy decides.
class FreeBlocks {
 public:
  // Counts of free blocks by Migratetype and order.
  using TypedBlocks = std::array<std::array<uint64_t, kOrders>, kMigratetypes>;

  FreeBlocks() = default;
  virtual ~FreeBlocks() = default;
  FreeBlocks(const FreeBlocks&) = delete;
  FreeBlocks& operator=(const FreeBlocks&) = delete;

  // Hands over the frames [start, end) as free.
  virtual void add_free_range(Pfn start, Pfn end) = 0;

  // Fills `heads` with the heads of blocks of `order`, for contents of `type`, those to be used
  // first in front, and returns how many: one at least when a block of `order` or larger is free
  // within `reach`, and more as the policy likes. They are kInside: the caller says what they
  // become.
  virtual size_t take(Order order, Migratetype type, Reach reach, std::span<Frame> heads) = 0;

  // Frees the blocks of `order` at `heads`, which are aligned and in range; each merges with its
  // free buddy, order by order, as far as that goes. Those of which a part is free already are
  // moved to the end of `heads`, if the policy finds_doubles; returns how many are not.
  virtual size_t put(Order order, std::span<Frame> heads) = 0;

  // One more than the highest order of which a block is free; 0 when none is.
  virtual unsigned orders() const = 0;
  virtual PageCount free_pages() const = 0;
  // Free blocks of each order, each as large as can be.
  virtual std::array<uint64_t, kOrders> free_blocks() const = 0;
  // The same by the type of who will be given them first. Looks at every free block.
  virtual TypedBlocks free_blocks_by_type() const = 0;
  // Walks all free blocks and counts what breaks an invariant: 0 when all is well.
  virtual size_t count_faults() const = 0;
};

struct PagePolicy {
  std::string_view name;
  // Where the free blocks of the frames [start, end) go, which begin at a multiple of the largest
  // block; none of them is free yet. kNoResource when the host refuses memory.
  Result<std::unique_ptr<FreeBlocks>> (*make)(const Memmap& memmap, Pfn start, Pfn end);
  // The orders of which CPUs keep lists, a bit each.
  uint32_t orders_on_cpus;
  // A zone is cut into regions with a lock and FreeBlocks each, of this size at least.
  PageCount smallest_region;
  // put() finds blocks that are free already, whatever their FrameState says. Then a free needs no
  // locked instruction.
  bool finds_doubles;
};

// The kernel's lists: the block that was freed last (mm/pages/buddy.h), as Linux 6.1 decides.
extern const PagePolicy kKernelPolicy;
// The same as later kernels decide (rules::kPersonas).
extern const PagePolicy kKernel612Policy;
extern const PagePolicy kKernel618Policy;
// The lowest pageblock in use that has room (mm/pages/packed_blocks.h).
extern const PagePolicy kPackedPolicy;

inline constexpr std::array<const PagePolicy*, 4> kPagePolicies = {
    &kKernelPolicy, &kKernel612Policy, &kKernel618Policy, &kPackedPolicy};

// The one of them that is called `name`, or null.
const PagePolicy* page_policy_named(std::string_view name);

}  // namespace ring3::mm
