#pragma once

// A block of the heap as it lies in memory: the meta area, and behind it the bytes that malloc
// returns the first of.
//
//   +-------+------------+------+------+------+--------------------
//   | guard | free,slack | size | next | prev | size bytes of data
//   +-------+------------+------+------+------+--------------------
//   ^ Block                                   ^ data()

#include <cstddef>
#include <cstdint>

#include "lib/bits.h"

namespace ring3::mm {

struct Block {
  // Blocks begin, and sizes are, at a multiple of this; malloc's alignment.
  static constexpr size_t kAlignment = 16;
  static constexpr size_t kMaxSlack = 0x7fffffff;

  uint32_t guard;       // seal() over the rest and the address
  uint32_t free : 1;    // in the free list
  uint32_t slack : 31;  // of a block in use: bytes that nobody asked for, up to kMaxSlack
  size_t size;          // bytes of data; a multiple of kAlignment, and not 0
  Block* next;          // of a free block: the next in address order
  Block* prev;

  std::byte* data() { return reinterpret_cast<std::byte*>(this + 1); }
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(this + 1); }
  const std::byte* end() const { return data() + size; }

  // What `guard` is unless somebody wrote over the header.
  uint32_t seal() const {
    uint64_t sum = reinterpret_cast<uintptr_t>(this);
    for (const uint64_t field :
         {uint64_t{slack} << 1 | free, uint64_t{size}, uint64_t{reinterpret_cast<uintptr_t>(next)},
          uint64_t{reinterpret_cast<uintptr_t>(prev)}}) {
      sum = (sum ^ field) * 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio
      sum ^= sum >> 32;
    }
    return static_cast<uint32_t>(sum);
  }
  bool is_sealed() const { return guard == seal(); }
};

static_assert(sizeof(Block) % Block::kAlignment == 0, "what follows a header is aligned");

// The smallest block: what must be left over for a split.
inline constexpr size_t kMinBlockBytes = sizeof(Block) + Block::kAlignment;

}  // namespace ring3::mm
