#pragma once

// How much each CPU keeps of a zone's free memory, and how much goes back and forth at a time.

#include <algorithm>
#include <cstdint>

#include "mm/pages/page_units.h"

namespace ring3::mm {

inline constexpr uint32_t kMaxPcpBatch = 128;

// The most blocks of `order` that one of `cpus` CPUs keeps of a zone of `managed` pages; 0 where
// its share is too small for two.
uint32_t pcp_high(PageCount managed, unsigned cpus, Order order);

// How many of them are refilled and flushed at a time: half, up to kMaxPcpBatch.
constexpr uint32_t pcp_batch(uint32_t high) { return std::min(high / 2, kMaxPcpBatch); }

}  // namespace ring3::mm
