#pragma once

// The memory behind a Memmap: a descriptor and a state for each frame, mapped and not written, and
// a byte for each pageblock.

#include <cstddef>
#include <utility>

#include "lib/reservation.h"
#include "lib/result.h"
#include "mm/pages/memmap.h"

namespace ring3::mm {

class FrameTables {
 public:
  // For `count` frames, which begin as kInside, in movable pageblocks of zone DMA. kNoResource when
  // the host refuses address space.
  static Result<FrameTables> create(PageCount count);

  // The map of the frames of `arena`, which need not be there when no page is touched. The tables
  // outlive it.
  Memmap memmap(std::byte* arena) const;

 private:
  FrameTables(os::Reservation pages, os::Reservation states, os::Reservation pageblocks,
              PageCount count)
      : pages_(std::move(pages)),
        states_(std::move(states)),
        pageblocks_(std::move(pageblocks)),
        count_(count) {}

  os::Reservation pages_;
  os::Reservation states_;
  os::Reservation pageblocks_;
  PageCount count_;
};

}  // namespace ring3::mm
