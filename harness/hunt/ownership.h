#pragma once

// The sequential model of an allocator: nobody gets what another owns, and whoever gets a thing
// gets it after its last owner let go of it, in the order of memory and not only of time.

#include <tsl/robin_map.h>
#include <cstdint>
#include <string_view>

#include "harness/sim/world.h"

namespace ring3::harness {

class Ownership {
 public:
  // The running task got the units [first, first + count): pages, bytes in sixteens, tokens.
  void got(World& world, uint64_t first, uint64_t count) {
    for (uint64_t unit = first; unit < first + count; ++unit) {
      State& state = units_[unit];
      if (state.owned) world.fail("handed out to two at once");
      if (state.released && !world.ordered_after(state.last)) {
        world.fail("handed out before the last owner's writes are visible");
      }
      state.owned = true;
    }
  }

  // It is about to let go of them.
  void gives(World& world, uint64_t first, uint64_t count) {
    for (uint64_t unit = first; unit < first + count; ++unit) {
      units_[unit] = {.owned = false, .released = true, .last = world.stamp()};
    }
  }
  // It was refused, and owns them still.
  void keeps(uint64_t first, uint64_t count) {
    for (uint64_t unit = first; unit < first + count; ++unit) units_[unit].owned = true;
  }

 private:
  struct State {
    bool owned = false;
    bool released = false;
    Stamp last;
  };
  tsl::robin_map<uint64_t, State> units_;
};

}  // namespace ring3::harness
