#include "mm/pages/vmstat.h"

#include <fmt/format.h>

#include <iterator>

namespace ring3::mm {

std::string buddyinfo_text(const Node& node) {
  std::string text;
  node.for_each_zone([&](const Zone& zone) {
    fmt::format_to(std::back_inserter(text), "Node 0, zone {:>8} ", zone_name(zone.type()));
    for (const uint64_t blocks : zone.free_blocks()) {
      fmt::format_to(std::back_inserter(text), "{:6} ", blocks);
    }
    text += '\n';
  });
  return text;
}

uint64_t unusable_free_index(const std::array<uint64_t, kOrders>& free_blocks, Order order) {
  uint64_t free = 0;
  uint64_t usable = 0;
  for (unsigned o = 0; o < kOrders; ++o) {
    const uint64_t pages = free_blocks[o] << o;
    free += pages;
    if (o >= order.value()) usable += pages;
  }
  return free == 0 ? 1000 : (free - usable) * 1000 / free;
}

}  // namespace ring3::mm
