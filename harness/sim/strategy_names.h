#pragma once

// The strategies by which a simulation decides (harness/sim/strategy.h), in the order of
// StrategyKind.

#include <array>
#include <string_view>

namespace ring3::harness {

inline constexpr std::array<std::string_view, 4> kStrategyNames{"random", "pct", "pos", "surw"};

}  // namespace ring3::harness
