#pragma once

// What is known of every page frame: a byte. The bytes of all frames lie side by side, so that
// looking at one costs a thirtieth of a cache line and not a whole descriptor; all zeros, which
// costs nothing until it is written, is memory of which nobody has anything.
//
// A block is known by its first frame, its head; the other frames of a block are kInside. So is
// every frame of a free block under a policy that keeps its free blocks elsewhere.

#include <cstdint>

#include "mm/pages/page_units.h"

namespace ring3::mm {

enum class PageState : uint8_t {
  kInside,     // not the head of anything
  kAllocated,  // head of a block that someone owns
  kPcp,        // head of a free block on a CPU's list, or on the way to where free blocks are
  kBuddy,      // head of a free block on a zone's free list
};

// Who an allocated block belongs to: only a free that names the same owner is right.
enum class PageOwner : uint8_t {
  kNobody,        // whoever called alloc_pages
  kSlab,          // a slab of a KmemCache; `owner_words` is its Slab
  kLargeKmalloc,  // an object too large for a kmalloc cache
  kShared,        // whoever has a reference to it; `refs` of the head's descriptor counts them
};

// State, order, owner and whether it is a compound page, in one byte, so that they change in one
// step.
class FrameState {
 public:
  constexpr FrameState() = default;  // kInside
  constexpr explicit FrameState(uint8_t byte) : byte_(byte) {}

  static constexpr FrameState allocated(Order order, PageOwner owner = PageOwner::kNobody,
                                        bool compound = false) {
    return of(static_cast<unsigned>(owner) << kOwnerShift | (compound ? kCompound : 0), order);
  }
  static constexpr FrameState pcp(Order order) { return of(kPcp, order); }
  static constexpr FrameState buddy(Order order) { return of(kBuddy, order); }

  constexpr uint8_t byte() const { return byte_; }
  constexpr bool operator==(const FrameState&) const = default;

  constexpr PageState kind() const {
    if (byte_ == 0) return PageState::kInside;
    if ((byte_ & kPcp) == 0) return PageState::kAllocated;
    return (byte_ & kBuddy) == kBuddy ? PageState::kBuddy : PageState::kPcp;
  }
  // Of the block of which the frame is the head; 0 inside.
  constexpr Order order() const { return Order(byte_ == 0 ? 0u : (byte_ & kOrderMask) - 1u); }
  constexpr PageOwner owner() const {
    return static_cast<PageOwner>(byte_ >> kOwnerShift & kOwnerMask);
  }
  // True for a head of an allocated block whose other frames belong to it as tails.
  constexpr bool compound() const { return (byte_ & kBuddy) == kCompound; }
  constexpr bool is_allocated(Order order, PageOwner owner) const {
    return FrameState(byte_ & static_cast<uint8_t>(~kCompound)) == allocated(order, owner);
  }

 private:
  static constexpr unsigned kOrderMask = 0x0f;  // order + 1
  static constexpr unsigned kOwnerShift = 4;
  static constexpr unsigned kOwnerMask = 3;
  static constexpr unsigned kCompound = 0x40;  // of an allocated block
  static constexpr unsigned kPcp = 0x80;
  static constexpr unsigned kBuddy = 0xc0;

  static constexpr FrameState of(unsigned bits, Order order) {
    DCHECK(order.valid());
    return FrameState(static_cast<uint8_t>(bits | (order.value() + 1)));
  }

  uint8_t byte_ = 0;
};

}  // namespace ring3::mm
