#include "mm/heap/heap.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "lib/bits.h"
#include "lib/check.h"
#include "mm/heap/heap_report.h"
#include "mm/pages/pages.h"

namespace ring3::mm {
namespace {

constexpr auto kMaxRequest = static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max());

std::byte* align_up(std::byte* address, size_t alignment) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  return address + (ring3::align_up(at, uintptr_t{alignment}) - at);
}

// The data of a block for `bytes`; nothing where there can be no such block.
std::optional<size_t> block_size_for(size_t bytes) {
  if (bytes > kMaxRequest - Block::kAlignment) return std::nullopt;
  return ring3::align_up(std::max<size_t>(bytes, 1), Block::kAlignment);
}

uintptr_t return_address(const void* address) { return reinterpret_cast<uintptr_t>(address); }

}  // namespace

Result<std::unique_ptr<Heap>> Heap::create(Break& heap_break, const HeapConfig& config) {
  std::byte* start = align_up(heap_break.end(), Block::kAlignment);
  const auto below = static_cast<size_t>(start - heap_break.start());
  auto reports = std::make_unique<LimitedReports>(*config.reports);
  Result<Blocks> blocks = Blocks::create(
      start, heap_break.limit_bytes() - std::min(below, heap_break.limit_bytes()), *reports);
  if (!blocks) return blocks.error();
  return std::unique_ptr<Heap>(
      new Heap(heap_break, config, std::move(reports), std::move(*blocks)));
}

Heap::Heap(Break& heap_break, const HeapConfig& config, std::unique_ptr<LimitedReports> reports,
           Blocks blocks)
    : break_(heap_break),
      config_(config),
      reports_(std::move(reports)),
      blocks_(std::move(blocks)),
      start_(blocks_.end()),
      peak_(start_) {
  break_.watch_lowest();
}

Heap::~Heap() {
  if (owns_the_end()) break_.brk(start_);
}

// ---- What programs call ----

void* Heap::malloc(size_t bytes) {
  const std::optional<size_t> size = block_size_for(bytes);
  Block* block = size ? take(*size, bytes) : nullptr;
  return block == nullptr ? failed() : block->data();
}

void* Heap::calloc(size_t count, size_t bytes) {
  size_t total = 0;
  if (__builtin_mul_overflow(count, bytes, &total)) return failed();
  void* data = malloc(total);
  if (data == nullptr || total == 0) return data;
  if (!is_there(data, total)) {
    free(data);
    return failed();
  }
  return std::memset(data, 0, total);
}

void* Heap::realloc(void* data, size_t bytes) {
  if (data == nullptr) return malloc(bytes);
  Block* block = owned("realloc", data, return_address(__builtin_return_address(0)));
  if (block == nullptr) return nullptr;
  if (bytes == 0) {
    release(block);
    return nullptr;
  }
  const std::optional<size_t> size = block_size_for(bytes);
  if (!size) return failed();
  if (resize_in_place(block, *size)) {
    blocks_.set_asked(block, bytes);
    note_peak();
    return data;
  }
  Block* to = take(*size, bytes);
  if (to == nullptr) return failed();
  const size_t copied = std::min(bytes, block->size - block->slack);
  if (!is_there(to->data(), copied) || !is_there(data, copied)) {
    release(to);
    return failed();
  }
  std::memcpy(to->data(), data, copied);
  release(block);
  return to->data();
}

void* Heap::aligned_alloc(size_t alignment, size_t bytes) {
  if (!is_power_of_two(alignment)) return failed();
  if (alignment <= Block::kAlignment) return malloc(bytes);
  const std::optional<size_t> size = block_size_for(bytes);
  // Room for a block of its own before what is aligned.
  if (!size || alignment > kMaxRequest - *size - kMinBlockBytes) return failed();
  const size_t whole = *size + alignment + kMinBlockBytes;
  Block* block = take(whole, whole);
  if (block != nullptr) block = move_up_to_alignment(block, alignment);
  if (block == nullptr) return failed();
  split(block, *size);
  blocks_.set_asked(block, bytes);
  return block->data();
}

void Heap::free(void* data) {
  if (data == nullptr) return;
  Block* block = owned("free", data, return_address(__builtin_return_address(0)));
  if (block != nullptr) release(block);
}

size_t Heap::usable_size(const void* data) {
  if (data == nullptr) return 0;
  const Block* block = owned("usable_size", data, return_address(__builtin_return_address(0)));
  return block == nullptr ? 0 : block->size;
}

bool Heap::trim(size_t keep_bytes) {
  if (refuses()) return false;
  if (free_neighbours_) sweep();
  Block* last = blocks_.free_at_end();
  if (last == nullptr || !owns_the_end()) return false;
  const std::optional<size_t> keep = keep_bytes == 0 ? 0 : block_size_for(keep_bytes);
  if (!keep || last->size <= *keep) return false;
  if (*keep != 0) {
    std::byte* end = last->data() + *keep;
    blocks_.end_last_at(end);
    return move_break(end);
  }
  auto* end = reinterpret_cast<std::byte*>(last);
  blocks_.drop_last();
  return move_break(end);
}

// ---- Giving ----

// 1. A free block that the policy chooses; 2. failing that, one that neighbours make together;
// 3. failing that, memory beyond the break. In use then, and no larger than it need be.
Block* Heap::take(size_t size, size_t asked_bytes) {
  if (refuses()) return nullptr;
  Block* block = search(size);
  if (block == nullptr && free_neighbours_) {
    sweep();
    block = search(size);
  }
  if (block == nullptr) block = grow(size);
  if (block == nullptr || !split(block, size)) return nullptr;
  blocks_.take(block, asked_bytes);
  left_off_ = block->end();
  note_peak();
  return block;
}

Block* Heap::search(size_t size) {
  FitSearch search(blocks_, size, left_off_);
  Block* found = config_.policy->find(search);
  ++stats_.searches;
  stats_.visited += search.visited();
  stats_.longest_search = std::max(stats_.longest_search, search.visited());
  config_.listener->on_search(size, search.visited(), found);
  return found;
}

void Heap::sweep() {
  uint64_t visited = 0;
  const uint64_t merges_before = stats_.merges;
  for (Block* block = blocks_.first_free(); block != nullptr; block = blocks_.next_free(block)) {
    while (Block* above = blocks_.free_above(block)) {
      absorb(block, above);
      ++visited;
    }
    ++visited;
  }
  free_neighbours_ = false;
  ++stats_.sweeps;
  config_.listener->on_sweep(visited, stats_.merges - merges_before);
}

// Raises the break until the last block is free and has `size` bytes of data: to the end of a page
// if it may, since the kernel gives whole pages. Null when it may not rise so far.
Block* Heap::grow(size_t size) {
  Block* last = owns_the_end() ? blocks_.free_at_end() : nullptr;
  // Somebody else may have raised the break: what they have is left to them.
  std::byte* begin = last != nullptr ? reinterpret_cast<std::byte*>(last)
                                     : align_up(break_.end(), Block::kAlignment);
  const auto below = static_cast<size_t>(begin - break_.start());
  const size_t limit = break_.limit_bytes();
  if (below > limit || size > limit - below || limit - below - size < sizeof(Block)) return nullptr;
  std::byte* before = break_.end();
  std::byte* end = begin + sizeof(Block) + size;
  std::byte* page_end = align_up(end, kPageSize);
  if (!move_break(page_end) && !move_break(end)) return nullptr;
  if (last != nullptr) {
    blocks_.end_last_at(break_.end());
    return last;
  }
  if (!is_there(begin, sizeof(Block))) {
    move_break(before);
    return nullptr;
  }
  return blocks_.add_free(begin, static_cast<size_t>(break_.end() - begin));
}

// Cuts off what is beyond `size` bytes if that is enough for a block. False when it is, and there
// is no page for its header: `block` is as it was.
bool Heap::split(Block* block, size_t size) {
  if (block->size < size + kMinBlockBytes) return true;
  if (!is_there(block->data() + size, sizeof(Block))) return false;
  Block* rest = blocks_.split(block, size);
  config_.listener->on_split(*block, *rest);
  if (!block->free) settle(rest);
  return true;
}

// The block that is given instead of `block`, which is in use and large enough: with its data
// aligned, what is before that free again. Null, and the block free, when there is no page for its
// header.
Block* Heap::move_up_to_alignment(Block* block, size_t alignment) {
  std::byte* data = align_up(block->data(), alignment);
  if (data == block->data()) return block;
  while (data < block->data() + kMinBlockBytes) data += alignment;
  const auto before = static_cast<size_t>(data - sizeof(Block) - block->data());
  if (!is_there(data - sizeof(Block), sizeof(Block))) {
    release(block);
    return nullptr;
  }
  Block* aligned = blocks_.split(block, before);
  blocks_.take(aligned, aligned->size);
  release(block);
  return aligned;
}

// ---- Taking back ----

void Heap::release(Block* block) {
  blocks_.release(block);
  settle(block);
}

// What coalescing makes of a block that is free now.
void Heap::settle(Block* freed) {
  Block* above = blocks_.free_above(freed);
  Block* below = blocks_.free_below(freed);
  if (config_.coalescing == Coalescing::kDeferred) {
    free_neighbours_ |= above != nullptr || below != nullptr;
    return;
  }
  if (above != nullptr) absorb(freed, above);
  if (below != nullptr) absorb(below, freed);
}

void Heap::absorb(Block* block, Block* above) {
  blocks_.absorb(block, above);
  ++stats_.merges;
  config_.listener->on_merge(*block);
}

// True when the block, in use, has `size` bytes now: as it is, or with the free block above it, or
// with what the break gives above that.
bool Heap::resize_in_place(Block* block, size_t size) {
  if (refuses()) return false;
  if (block->size < size) {
    const size_t missing = std::max(size - block->size, kMinBlockBytes) - sizeof(Block);
    Block* above = blocks_.free_above(block);
    const bool is_last = (above != nullptr ? above->end() : block->end()) == blocks_.end();
    if ((above == nullptr || above->size < missing) && is_last && owns_the_end()) {
      above = grow(missing);
    }
    if (above == nullptr || above->size < missing) return false;
    absorb(block, above);
  }
  split(block, size);
  return true;
}

// ---- The caller's mistakes, and the machine's limits ----

Block* Heap::owned(const char* call, const void* data, uintptr_t caller) {
  if (refuses()) return nullptr;
  Block* block = blocks_.at(data);
  if (block == nullptr) {
    reports_->report(
        [&] { return foreign_pointer_report(call, data, blocks_.around(data), caller); });
    return nullptr;
  }
  if (block->free) {
    reports_->report([&] { return double_free_report(call, *block, caller); });
    return nullptr;
  }
  return block;
}

// True of a heap that is broken off.
bool Heap::refuses() {
  if (!is_broken_off()) return false;
  if (!std::exchange(says_broken_off_, true)) {
    reports_->report([&] { return lowered_break_report(break_.lowest_end(), blocks_.end()); });
  }
  return true;
}

bool Heap::move_break(std::byte* to) {
  const std::byte* from = break_.end();
  if (break_.brk(to) != 0) return false;
  break_.watch_lowest();
  config_.listener->on_break(from, to);
  return true;
}

bool Heap::is_there(const void* address, size_t bytes) {
  return bytes == 0 || break_.touch(address, bytes) <= Touch::kMinorFault;
}

void* Heap::failed() {
  ++stats_.failures;
  return nullptr;
}

void Heap::note_peak() {
  if (blocks_.end() <= peak_) return;
  peak_ = blocks_.end();
  stats_.at_peak = blocks_.usage();
}

std::string Heap::check() {
  if (is_broken_off()) return "the program moved the break below the blocks";
  std::string wrong = blocks_.check();
  if (!wrong.empty()) return wrong;
  if (free_neighbours_) return {};
  for (Block* block = blocks_.first_free(); block != nullptr; block = blocks_.next_free(block)) {
    if (blocks_.free_above(block) != nullptr) {
      return config_.coalescing == Coalescing::kImmediate
                 ? "two free neighbours"
                 : "two free neighbours that nobody knows of";
    }
  }
  return {};
}

}  // namespace ring3::mm
