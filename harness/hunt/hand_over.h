#pragma once

// What the targets of the allocators have in common: boxes in which tasks leave things for each
// other, and things that more than one of them frees.

#include <array>
#include <cstdint>
#include <utility>

#include "harness/hunt/report_trap.h"
#include "harness/sim/world.h"
#include "lib/cpu/raw_spinlock.h"

namespace ring3::harness {

inline constexpr uint32_t kShared = 2;  // boxes, and things that are freed by several

template <class Thing>
class Mailboxes {
 public:
  // What is in box `number`, around, changes places with `slot`.
  void swap(Thing& slot, uint32_t number) {
    Box& box = boxes_[number % kShared];
    RawSpinlockGuard guard(box.lock);
    std::swap(slot, box.thing);
  }

 private:
  struct Box {
    RawSpinlock lock;
    Thing thing GUARDED_BY(lock);
  };
  std::array<Box, kShared> boxes_;
};

// How often each shared thing was freed: every time but the first is a mistake, to be reported.
class SharedFrees {
 public:
  // True for the first.
  bool add(uint32_t number) { return count_[number]++ == 0; }
  bool any(uint32_t number) const { return count_[number] != 0; }
  // At the end, when each has been freed: as many reports as mistakes.
  void check(World& world, const ReportTrap& trap) const {
    uint64_t mistakes = 0;
    for (const uint64_t frees : count_) mistakes += frees - 1;
    if (trap.count() < mistakes) world.fail("a double free is not reported");
    if (trap.count() > mistakes) world.fail("reported without a mistake: " + trap.first());
  }

 private:
  std::array<uint64_t, kShared> count_{};
};

}  // namespace ring3::harness
