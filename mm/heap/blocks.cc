#include "mm/heap/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "lib/check.h"
#include "mm/heap/heap_report.h"

namespace ring3::mm {
namespace {

void seal(Block* block) { block->guard = block->seal(); }

}  // namespace

Result<Blocks> Blocks::create(std::byte* start, size_t limit_bytes, LimitedReports& reports) {
  CHECK(is_aligned(reinterpret_cast<uintptr_t>(start), uintptr_t{Block::kAlignment}));
  const size_t granules = std::max<size_t>(limit_bytes / Block::kAlignment, 1);
  Result<IndexSet> begins = IndexSet::create(granules);
  if (!begins) return begins.error();
  Result<IndexSet> free = IndexSet::create(granules);
  if (!free) return free.error();
  return Blocks(start, std::move(*begins), std::move(*free), reports);
}

Blocks::Blocks(std::byte* start, IndexSet begins, IndexSet free, LimitedReports& reports)
    : start_(start),
      end_(start),
      begins_(std::move(begins)),
      free_(std::move(free)),
      reports_(reports) {}

// ---- Where blocks are ----

Block* Blocks::at(const void* data) {
  if (data < start_ + sizeof(Block) || data >= end_ ||
      !is_aligned(reinterpret_cast<uintptr_t>(data), uintptr_t{Block::kAlignment})) {
    return nullptr;
  }
  const size_t granule = granule_of(data) - sizeof(Block) / Block::kAlignment;
  return begins_.contains(granule) ? sound(block_at(granule)) : nullptr;
}

Block* Blocks::around(const void* address) {
  if (address < start_ || address >= end_) return nullptr;
  Block* block = block_at(begins_.at_or_before(granule_of(address)));
  return block != nullptr && address < true_end_of(block) ? sound(block) : nullptr;
}

Block* Blocks::first() { return sound(block_at(begins_.at_or_after(0))); }

Block* Blocks::after(const Block* block) {
  return sound(block_at(begins_.at_or_after(granule_of(block) + 1)));
}

Block* Blocks::free_above(const Block* block) {
  const std::byte* end = block->end();
  return end < end_ && free_.contains(granule_of(end)) ? sound(block_at(granule_of(end))) : nullptr;
}

Block* Blocks::free_below(const Block* block) {
  Block* candidate = last_before(begins_, granule_of(block));
  if (candidate == nullptr || !free_.contains(granule_of(candidate))) return nullptr;
  sound(candidate);
  return candidate->end() == reinterpret_cast<const std::byte*>(block) ? candidate : nullptr;
}

Block* Blocks::free_at_end() {
  const size_t last = begins_.at_or_before(IndexSet::kNone);
  return last != IndexSet::kNone && free_.contains(last) ? sound(block_at(last)) : nullptr;
}

// By the map alone, which no program writes over.
const std::byte* Blocks::true_end_of(const Block* block) const {
  const Block* next = block_at(begins_.at_or_after(granule_of(block) + 1));
  const std::byte* end = next == nullptr ? end_ : reinterpret_cast<const std::byte*>(next);
  const auto hole =
      std::ranges::upper_bound(holes_, reinterpret_cast<const std::byte*>(block), {}, &Hole::begin);
  return hole == holes_.end() ? end : std::min<const std::byte*>(end, hole->begin);
}

// ---- The free list ----

Block* Blocks::first_free_from(const std::byte* address) {
  if (address <= start_) return first_free();
  if (address >= end_) return nullptr;
  const auto offset = static_cast<size_t>(address - start_);
  return sound(block_at(free_.at_or_after(div_round_up(offset, Block::kAlignment))));
}

void Blocks::link(Block* block) {
  const size_t granule = granule_of(block);
  Block* prev = sound(last_before(free_, granule));
  Block* next = prev == nullptr ? first_free() : next_free(prev);
  block->free = 1;
  block->slack = 0;
  block->prev = prev;
  block->next = next;
  seal(block);
  (prev == nullptr ? head_ : prev->next) = block;
  if (prev != nullptr) seal(prev);
  if (next != nullptr) {
    next->prev = block;
    seal(next);
  }
  free_.insert(granule);
  ++usage_.free_blocks;
  usage_.free_bytes += sizeof(Block) + block->size;
}

void Blocks::unlink(Block* block) {
  Block* prev = sound(block->prev);
  Block* next = next_free(block);
  (prev == nullptr ? head_ : prev->next) = next;
  if (prev != nullptr) seal(prev);
  if (next != nullptr) {
    next->prev = prev;
    seal(next);
  }
  block->free = 0;
  block->prev = block->next = nullptr;
  seal(block);
  free_.erase(granule_of(block));
  --usage_.free_blocks;
  usage_.free_bytes -= sizeof(Block) + block->size;
}

// ---- Changes ----

// Of a block in use, the whole is what was asked for.
void Blocks::set_size(Block* block, size_t size) {
  if (block->free) {
    usage_.free_bytes += size - block->size;
  } else {
    usage_.asked_bytes += size - (block->size - block->slack);
    block->slack = 0;
  }
  block->size = size;
  seal(block);
}

Block* Blocks::add_free(std::byte* at, size_t bytes) {
  DCHECK(at >= end_ && bytes >= kMinBlockBytes && bytes % Block::kAlignment == 0);
  if (at > end_) holes_.push_back({end_, at});
  end_ = at + bytes;
  auto* block = new (at) Block{};
  block->size = bytes - sizeof(Block);
  begins_.insert(granule_of(block));
  ++usage_.blocks;
  usage_.heap_bytes += bytes;
  link(block);
  return block;
}

void Blocks::end_last_at(std::byte* end) {
  Block* last = free_at_end();
  usage_.heap_bytes += static_cast<size_t>(end - end_);
  end_ = end;
  set_size(last, static_cast<size_t>(end - last->data()));
}

void Blocks::drop_last() {
  Block* last = free_at_end();
  unlink(last);
  begins_.erase(granule_of(last));
  --usage_.blocks;
  usage_.heap_bytes -= sizeof(Block) + last->size;
  end_ = reinterpret_cast<std::byte*>(last);
  if (!holes_.empty() && holes_.back().end == end_) {
    end_ = holes_.back().begin;
    holes_.pop_back();
  }
}

void Blocks::take(Block* block, size_t asked_bytes) {
  unlink(block);
  usage_.asked_bytes += block->size;
  set_asked(block, asked_bytes);
}

void Blocks::release(Block* block) {
  usage_.asked_bytes -= block->size - block->slack;
  link(block);
}

void Blocks::set_asked(Block* block, size_t asked_bytes) {
  DCHECK_LE(asked_bytes, block->size);
  const size_t slack = std::min(block->size - asked_bytes, Block::kMaxSlack);
  usage_.asked_bytes -= slack - block->slack;
  block->slack = static_cast<uint32_t>(slack) & Block::kMaxSlack;
  seal(block);
}

Block* Blocks::split(Block* block, size_t size) {
  const size_t rest_bytes = block->size - size;
  DCHECK(size % Block::kAlignment == 0 && block->size >= size + kMinBlockBytes);
  auto* rest = new (block->data() + size) Block{};
  rest->size = rest_bytes - sizeof(Block);
  set_size(block, size);
  begins_.insert(granule_of(rest));
  ++usage_.blocks;
  link(rest);
  return rest;
}

void Blocks::absorb(Block* block, Block* above) {
  DCHECK(block->end() == reinterpret_cast<std::byte*>(above));
  unlink(above);
  begins_.erase(granule_of(above));
  --usage_.blocks;
  set_size(block, block->size + sizeof(Block) + above->size);
}

// ---- Proof ----

void Blocks::mend(Block* block) {
  const size_t granule = granule_of(block);
  const bool is_free = free_.contains(granule);
  const auto size = static_cast<size_t>(true_end_of(block) - block->data());
  const Block* below = last_before(begins_, granule);
  reports_.report([&] { return overwritten_report(*block, is_free, size, below); });
  *block = {
      .guard = 0, .free = is_free, .slack = 0, .size = size, .next = nullptr, .prev = nullptr};
  if (is_free) {
    block->next = block_at(free_.at_or_after(granule + 1));
    block->prev = last_before(free_, granule);
  }
  seal(block);
  if (is_free) return;
  // How much of it was asked for is lost: from now on, all.
  usage_.asked_bytes = 0;
  for (size_t i = begins_.at_or_after(0); i != IndexSet::kNone; i = begins_.at_or_after(i + 1)) {
    const Block* each = block_at(i);
    if (free_.contains(i)) continue;
    usage_.asked_bytes += static_cast<size_t>(true_end_of(each) - each->data()) -
                          (each->is_sealed() ? each->slack : 0);
  }
}

std::string Blocks::check() {
  HeapUsage found;
  Block* expected = head_;
  const Block* prev = nullptr;
  for (size_t i = begins_.at_or_after(0); i != IndexSet::kNone; i = begins_.at_or_after(i + 1)) {
    const Block* block = block_at(i);
    const bool is_free = free_.contains(i);
    if (!block->is_sealed()) return fmt::format("the header at {} is broken", fmt::ptr(block));
    if (block->end() != true_end_of(block) || block->size == 0) {
      return fmt::format("the block at {} of {} bytes ends at {}, not at {}", fmt::ptr(block),
                         block->size, fmt::ptr(block->end()), fmt::ptr(true_end_of(block)));
    }
    if (block->free != is_free) {
      return fmt::format("the block at {} is marked {}", fmt::ptr(block),
                         block->free ? "free" : "in use");
    }
    ++found.blocks;
    found.heap_bytes += sizeof(Block) + block->size;
    if (!is_free) {
      found.asked_bytes += block->size - block->slack;
      continue;
    }
    if (block != expected || block->prev != prev) {
      return fmt::format("the free list has {} where {} is, after {}", fmt::ptr(expected),
                         fmt::ptr(block), fmt::ptr(block->prev));
    }
    prev = block;
    expected = block->next;
    ++found.free_blocks;
    found.free_bytes += sizeof(Block) + block->size;
  }
  if (expected != nullptr) {
    return fmt::format("the free list has {}, which is no free block", fmt::ptr(expected));
  }
  if (found != usage_) {
    return fmt::format(
        "counted {}/{}/{} bytes in all, asked for and free, and {} blocks, {} free; found "
        "{}/{}/{} and {}, {}",
        usage_.heap_bytes, usage_.asked_bytes, usage_.free_bytes, usage_.blocks, usage_.free_blocks,
        found.heap_bytes, found.asked_bytes, found.free_bytes, found.blocks, found.free_blocks);
  }
  return {};
}

}  // namespace ring3::mm
