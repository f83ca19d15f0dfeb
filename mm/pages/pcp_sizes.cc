#include "mm/pages/pcp_sizes.h"

#include <bit>

namespace ring3::mm {
namespace {

// Pages that a CPU keeps of one order at most, and of a zone: a 256th, so that of eleven orders not
// a twentieth is out of everybody else's reach.
constexpr uint64_t kMostBlocks = 512;
constexpr uint64_t kMostPages = 8192;
constexpr uint64_t kShare = 256;

}  // namespace

uint32_t pcp_high(PageCount managed, unsigned cpus, Order order) {
  const uint64_t pages = std::min(managed.value() / kShare / cpus, kMostPages);
  const uint64_t blocks = std::bit_floor(std::min(pages >> order.value(), kMostBlocks));
  return blocks < 2 ? 0 : static_cast<uint32_t>(blocks);
}

}  // namespace ring3::mm
