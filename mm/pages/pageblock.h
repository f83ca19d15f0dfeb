#pragma once

// What is known of every pageblock, 512 frames (2 MiB, what a huge page needs): a byte, which says
// in which zone of which node it lies and what it is meant for. Blocks that are freed come to the
// lists of their pageblock's type, so that what can be moved or reclaimed lies apart from what
// stays (the kernel's pageblock_flags; Documentation/mm/physical_memory.rst).

#include <cstdint>

#include "mm/pages/gfp.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

class Pageblock {
 public:
  constexpr explicit Pageblock(uint8_t byte) : byte_(byte) {}
  // As at boot: movable. node < kMaxNodes.
  constexpr Pageblock(unsigned node, ZoneType zone, Migratetype type = Migratetype::kMovable)
      : byte_(static_cast<uint8_t>((node * kZones + static_cast<unsigned>(zone)) * kMigratetypes +
                                   static_cast<unsigned>(type))) {}

  // Below kValues.
  constexpr uint8_t byte() const { return byte_; }
  constexpr unsigned node() const { return byte_ / (kMigratetypes * kZones); }
  constexpr ZoneType zone() const { return static_cast<ZoneType>(byte_ / kMigratetypes % kZones); }
  constexpr Migratetype type() const { return static_cast<Migratetype>(byte_ % kMigratetypes); }
  constexpr Pageblock with(Migratetype type) const {
    return Pageblock(
        static_cast<uint8_t>(byte_ - byte_ % kMigratetypes + static_cast<unsigned>(type)));
  }

  static constexpr size_t kMaxNodes = 12;  // that can have memory
  static constexpr size_t kValues = kMaxNodes * kZones * kMigratetypes;

 private:
  uint8_t byte_;
};

inline constexpr uint64_t kPageblockFrames = kPageblockOrder.pages().value();

}  // namespace ring3::mm
