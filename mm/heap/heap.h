#pragma once

// The malloc that textbooks teach, over a program break. A request takes the first free block, or
// the one that the policy prefers, that is large enough, and cuts off what it does not need. A
// block that is freed is linked back in its place. When only pieces are free that are too small,
// neighbours are put together; and only when that does not help, the break moves.
//
// Single-threaded: whoever owns it locks it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/cpu/limited_reports.h"
#include "lib/report_sink.h"
#include "lib/result.h"
#include "mm/heap/blocks.h"
#include "mm/heap/break.h"
#include "mm/heap/fit_policy.h"

namespace ring3::mm {

// When free neighbours become one block: as soon as they are, or when nothing else fits.
enum class Coalescing : uint8_t { kDeferred, kImmediate };
inline constexpr std::array<std::string_view, 2> kCoalescingNames = {"deferred", "immediate"};
constexpr std::string_view to_string(Coalescing coalescing) {
  return kCoalescingNames[static_cast<size_t>(coalescing)];
}

// Is told of each step inside a call, as it happens; must not call the heap. Blocks are as the step
// left them. This one listens to nothing.
class HeapListener {
 public:
  virtual ~HeapListener() = default;
  // The policy looked at `visited` free blocks for one of `bytes`; `found` is null if none fits.
  virtual void on_search(size_t /*bytes*/, uint64_t /*visited*/, const Block* /*found*/) {}
  virtual void on_split(const Block& /*block*/, const Block& /*rest*/) {}
  // `block` has taken in the free block above it.
  virtual void on_merge(const Block& /*block*/) {}
  // All `visited` free blocks were looked at for neighbours to put together: `merges` times.
  virtual void on_sweep(uint64_t /*visited*/, uint64_t /*merges*/) {}
  virtual void on_break(const std::byte* /*from*/, const std::byte* /*to*/) {}
};
inline HeapListener nobody_listens;

struct HeapConfig {
  const FitPolicy* policy = &kAllFitPolicies[0];  // outlives the heap, as the rest does
  Coalescing coalescing = Coalescing::kDeferred;
  HeapListener* listener = &nobody_listens;
  ReportSink* reports = &stderr_report_sink();
};

struct HeapStats {
  uint64_t searches = 0;
  uint64_t visited = 0;  // free blocks that searches looked at
  uint64_t longest_search = 0;
  uint64_t merges = 0;
  uint64_t sweeps = 0;
  uint64_t failures = 0;  // requests that got no memory
  HeapUsage at_peak;      // when the last block ended higher than ever before
};

class Heap {
 public:
  // `heap_break` outlives the heap, which begins where it is now and leaves it as it finds it.
  // kNoResource when the host refuses the map of its blocks.
  static Result<std::unique_ptr<Heap>> create(Break& heap_break, const HeapConfig& config);
  ~Heap();
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  // What the C library promises of these (C11 7.22.3): null when there is no memory or a size is
  // larger than there can be; of 0 bytes, a block of its own. The bytes of malloc are whatever they
  // were; memory below the break is there as the caller touches it.
  void* malloc(size_t bytes);
  void* calloc(size_t count, size_t bytes);
  // In place when the block has room or the one above is free; the old one stays when null is
  // returned, but for 0 bytes, which frees it.
  void* realloc(void* data, size_t bytes);
  // `alignment` is a power of two; null if it is not.
  void* aligned_alloc(size_t alignment, size_t bytes);
  // Null is nothing. What malloc did not return, or is free already, is reported, and stays as it
  // is.
  void free(void* data);
  // The bytes that may be used at `data`, which malloc returned; 0 of null.
  size_t usable_size(const void* data);

  // Gives the memory at the end back, but for `keep_bytes` of it: moves the break down if the last
  // block is free. True when it moved. The malloc_trim(3) of this heap.
  bool trim(size_t keep_bytes);

  const HeapUsage& usage() const { return blocks_.usage(); }
  const HeapStats& stats() const { return stats_; }
  // Mistakes of the callers that were reported.
  uint64_t mistakes() const { return reports_->count(); }
  // The program has moved the break below where blocks were. Their memory is gone: the heap says so
  // once, and gives and takes nothing any more.
  bool is_broken_off() const { return break_.lowest_end() < blocks_.end(); }
  // For pictures: the blocks in address order, none of a heap that is broken off, and where the
  // last ends.
  Block* first_block() { return is_broken_off() ? nullptr : blocks_.first(); }
  Block* block_after(const Block* block) { return blocks_.after(block); }
  const std::byte* end() const { return blocks_.end(); }

  // Empty; or what is wrong: it is broken off; see Blocks::check(); with kImmediate, there are two
  // free neighbours.
  std::string check();

 private:
  Heap(Break& heap_break, const HeapConfig& config, std::unique_ptr<LimitedReports> reports,
       Blocks blocks);

  Block* take(size_t size, size_t asked_bytes);
  Block* search(size_t size);
  void sweep();
  Block* grow(size_t size);
  bool split(Block* block, size_t size);
  void absorb(Block* block, Block* above);
  void release(Block* block);
  void settle(Block* freed);
  bool resize_in_place(Block* block, size_t size);
  Block* move_up_to_alignment(Block* block, size_t alignment);

  // The block in use at `data`; null, and reported, when there is none.
  Block* owned(const char* call, const void* data, uintptr_t caller);
  bool move_break(std::byte* to);
  bool owns_the_end() const { return break_.end() == blocks_.end(); }
  bool is_there(const void* address, size_t bytes);
  bool refuses();
  void* failed();
  void note_peak();

  Break& break_;
  const HeapConfig config_;
  const std::unique_ptr<LimitedReports> reports_;
  Blocks blocks_;
  std::byte* const start_;
  const std::byte* left_off_ = nullptr;  // where the last block that was given ends
  bool says_broken_off_ = false;
  bool free_neighbours_ = false;  // a sweep would find some to put together
  const std::byte* peak_;         // the highest that the last block ended
  HeapStats stats_;
};

}  // namespace ring3::mm
