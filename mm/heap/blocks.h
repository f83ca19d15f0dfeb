#pragma once

// The blocks that a heap consists of. Their headers and the free list, in address order, are in the
// heap's memory, as the textbook draws them. A map beside it says where blocks begin and which are
// free: it gives a block's place in the list and its neighbours without a walk, tells a pointer
// that is no block's, and sets a header right that somebody wrote over.
//
// Whoever adds a header makes the memory for it accessible first. Single-threaded.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/cpu/limited_reports.h"
#include "lib/index_set.h"
#include "lib/result.h"
#include "mm/heap/block.h"

namespace ring3::mm {

// What a heap's bytes are.
struct HeapUsage {
  size_t heap_bytes = 0;   // all its blocks, headers too
  size_t asked_bytes = 0;  // of the blocks in use, what was asked for
  size_t free_bytes = 0;   // blocks that are free, headers too
  size_t blocks = 0;
  size_t free_blocks = 0;

  // Headers of blocks in use, and what they have beyond what was asked for.
  size_t overhead_bytes() const { return heap_bytes - free_bytes - asked_bytes; }
  bool operator==(const HeapUsage&) const = default;
};

class Blocks {
 public:
  // None yet; they will be in [start, start + limit_bytes), and begin at `start`, which is aligned
  // to Block::kAlignment. `reports`, which outlives it, hears of broken headers. kNoResource when
  // the host refuses.
  static Result<Blocks> create(std::byte* start, size_t limit_bytes, LimitedReports& reports);

  // Where the last block ends.
  std::byte* end() const { return end_; }
  const HeapUsage& usage() const { return usage_; }

  // ---- Where blocks are ----

  // The block whose data begins at `data`, or null.
  Block* at(const void* data);
  // The block that `address` lies in, or null.
  Block* around(const void* address);
  // All blocks in address order: the first, or null; the one after `block`, or null.
  Block* first();
  Block* after(const Block* block);
  // The block that touches `block` from above or from below and is free, or null.
  Block* free_above(const Block* block);
  Block* free_below(const Block* block);
  // The last block of all if it is free, or null.
  Block* free_at_end();

  // ---- The free list ----

  Block* first_free() { return sound(head_); }
  Block* next_free(const Block* block) { return sound(block->next); }
  // The first that does not begin before `address`, or null.
  Block* first_free_from(const std::byte* address);

  // ---- Changes ----

  // A new free block over [at, at + bytes), which no block is in; bytes ≥ kMinBlockBytes.
  Block* add_free(std::byte* at, size_t bytes);
  // The last block, which is free, ends at `end`, which is not end(): the heap grew or shrank.
  void end_last_at(std::byte* end);
  // The last block, which is free, is no more; the heap ends where it began.
  void drop_last();
  // A free block is in use: `asked` bytes of it.
  void take(Block* block, size_t asked_bytes);
  // A block in use is free.
  void release(Block* block);
  // What was asked for of a block in use is something else now.
  void set_asked(Block* block, size_t asked_bytes);
  // Leaves `block`, free or in use, `size` bytes of data, and makes a block of the rest, of at
  // least kMinBlockBytes: free. Of a block in use, what was asked for is all that it has left.
  Block* split(Block* block, size_t size);
  // Adds to `block`, free or in use, the free block that touches it from above.
  void absorb(Block* block, Block* above);

  // `block`, its header as it should be: reported and set right if somebody wrote over it. Null is
  // null.
  Block* sound(Block* block) {
    if (block != nullptr && !block->is_sealed()) [[unlikely]]
      mend(block);
    return block;
  }
  // Empty; or what does not hold of: blocks tile the heap, the list is exactly the free blocks in
  // address order, every header is sealed, the sums are right.
  std::string check();

 private:
  // Between two blocks, memory that the owner of the break gave to somebody else.
  struct Hole {
    std::byte* begin;
    std::byte* end;
  };

  Blocks(std::byte* start, IndexSet begins, IndexSet free, LimitedReports& reports);

  size_t granule_of(const void* address) const {
    return static_cast<size_t>(static_cast<const std::byte*>(address) - start_) / Block::kAlignment;
  }
  Block* block_at(size_t granule) const {
    return granule == IndexSet::kNone
               ? nullptr
               : reinterpret_cast<Block*>(start_ + granule * Block::kAlignment);
  }
  // The last block of `set` that begins before `granule`, or null.
  Block* last_before(const IndexSet& set, size_t granule) const {
    return granule == 0 ? nullptr : block_at(set.at_or_before(granule - 1));
  }
  const std::byte* true_end_of(const Block* block) const;
  void link(Block* block);
  void unlink(Block* block);
  void set_size(Block* block, size_t size);
  [[gnu::cold, gnu::noinline]] void mend(Block* block);

  std::byte* start_;
  std::byte* end_;
  IndexSet begins_;  // granules at which blocks begin
  IndexSet free_;    // of those, the free ones
  std::vector<Hole> holes_;
  Block* head_ = nullptr;
  HeapUsage usage_;
  LimitedReports& reports_;
};

}  // namespace ring3::mm
