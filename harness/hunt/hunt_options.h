#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/units.h"

namespace ring3::harness {

// What `ring3 hunt` is asked to do. Targets and strategies by name: what there is of them, only a
// program with schedule points knows.
struct HuntOptions {
  std::string target = "all";
  std::string strategy;  // empty: all in turn
  uint64_t first_seed = 0;
  std::optional<uint64_t> last_seed;
  Nanos budget = seconds(60);  // where there is no last seed
  bool first = false;          // end at the first finding
  bool shrink = false;
  std::string replay_path;  // of a finding, to be run again instead of a hunt; empty: none
  uint64_t repetitions = 1;
  std::string json_path;  // empty: none
};

}  // namespace ring3::harness
