#pragma once

// The packed policy: free memory as a bit a frame, and blocks from where memory is in use already.
// A request is served from the lowest pageblock (2 MiB, what a huge page needs) of its type that is
// in use and has room for it; one that is wholly free is broken, and becomes one of that type, only
// when no other has. So what is in use gathers at low addresses, and whole pageblocks stay whole.
//
// When no whole one is left either, a request takes from another type's pageblock: the lowest of
// those with the largest free block. If it is free by half or more, it changes its type.
//
// Nothing is split and nothing is merged: the free blocks of the buddy system are the aligned runs
// of free frames, each as long as can be, which the bits say by themselves.

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "lib/index_set.h"
#include "lib/reservation.h"
#include "mm/pages/page_policy.h"
#include "mm/pages/pageblock_words.h"

namespace ring3::mm {

class PackedBlocks final : public FreeBlocks {
 public:
  // For the frames [start, end). kNoResource when the host refuses the bits.
  static Result<std::unique_ptr<FreeBlocks>> create(const Memmap& memmap, Pfn start, Pfn end);

  void add_free_range(Pfn start, Pfn end) override;
  // A batch is filled from one pageblock after the other; a whole one is broken only for its first
  // block. In a pageblock, the smallest blocks that will do are used first.
  size_t take(Order order, Migratetype type, Reach reach, std::span<Frame> heads) override;
  size_t put(Order order, std::span<Frame> heads) override;

  unsigned orders() const override;
  PageCount free_pages() const override { return free_pages_; }
  std::array<uint64_t, kOrders> free_blocks() const override;
  TypedBlocks free_blocks_by_type() const override;
  size_t count_faults() const override;

 private:
  // Of a pageblock: 0 when no frame is free; 1 + the order of its largest free block.
  using Room = uint8_t;
  static constexpr Room kWhole = Room{Order::kMax};
  static_assert(kWhole == kPageblockOrder.value() + 1);

  // Of each type of request, pageblocks in use by the order of the largest free block.
  struct OfType {
    std::vector<IndexSet> in_use;
    // How many pageblocks have each Room, but whole ones.
    std::array<uint64_t, kWhole> with_exactly{};

    void enter(size_t pageblock, Room room) {
      ++with_exactly[room];
      if (room != 0) in_use[room - 1].insert(pageblock);
    }
    void leave(size_t pageblock, Room room) {
      --with_exactly[room];
      if (room != 0) in_use[room - 1].erase(pageblock);
    }
    // The lowest with a free block of `order` or more; IndexSet::kNone if there is none.
    size_t lowest(Order order) const;
  };

  PackedBlocks(const Memmap& memmap, Pfn start, Pfn end, Pfn base, os::Reservation words,
               os::Reservation rooms, std::array<OfType, kRequestTypes> by_type, IndexSet singles,
               IndexSet pairs);

  size_t pageblocks() const { return singles_.limit(); }
  size_t pageblock_of(Frame frame) const { return (frame - base_) / kPageblockFrames; }
  Frame first_frame(size_t pageblock) const {
    return base_ + static_cast<Frame>(pageblock * kPageblockFrames);
  }

  void count_in_use(const OfType& of, std::array<uint64_t, kOrders>& blocks) const;
  static Room room_of(const PageblockWords& words);
  void set_room(size_t pageblock, Room room);
  void add_whole(size_t pageblock);
  // Two pageblocks from `pageblock` on, wholly in use before.
  void add_pair(size_t pageblock);
  void remove_whole(size_t pageblock);
  size_t lowest_whole() const;
  // For a type whose pageblocks have no block of `order` left: a whole one, which is in use from
  // now on, or another type's, which may keep its type. IndexSet::kNone when there is none that may
  // be.
  size_t open_another(Order order, Migratetype type, Reach reach);

  OfType& of(Migratetype type) { return by_type_[static_cast<size_t>(type)]; }
  Migratetype type_of(size_t pageblock) const {
    return memmap_.type_of(Pfn(first_frame(pageblock)));
  }
  void set_type(size_t pageblock, Migratetype type);

  size_t take_whole(Order order, Migratetype type, std::span<Frame> heads);
  size_t take_from(size_t pageblock, Order order, std::span<Frame> heads);
  // Those in front of `heads` that lie in one pageblock, or the first; returns how many. Those that
  // were free already have gone to the end, and `heads` without them.
  size_t put_in(size_t pageblock, Order order, std::span<Frame>& heads);
  size_t put_whole(Order order, std::span<Frame>& heads);

  const Memmap memmap_;
  const Pfn start_;
  const Pfn end_;
  const Frame base_;  // of pageblock 0, a multiple of the largest block
  os::Reservation words_memory_;
  os::Reservation rooms_memory_;
  PageblockWords* const words_;  // but of whole pageblocks, whose words are 0
  Room* const rooms_;
  std::array<OfType, kRequestTypes> by_type_;
  IndexSet singles_;  // whole pageblocks whose buddies are not
  IndexSet pairs_;    // pairs of whole pageblocks: blocks of the highest order
  uint64_t single_count_ = 0;
  uint64_t pair_count_ = 0;
  PageCount free_pages_{0};
};

}  // namespace ring3::mm
