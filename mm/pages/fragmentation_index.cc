#include "mm/pages/fragmentation_index.h"

namespace ring3::mm {
namespace {

struct Free {
  uint64_t pages = 0;
  uint64_t blocks = 0;
  uint64_t usable_pages = 0;  // in blocks that are large enough
};

Free sum(const std::array<uint64_t, kOrders>& free_blocks, Order order) {
  Free free;
  for (unsigned o = 0; o < kOrders; ++o) {
    const uint64_t pages = free_blocks[o] << o;
    free.pages += pages;
    free.blocks += free_blocks[o];
    if (o >= order.value()) free.usable_pages += pages;
  }
  return free;
}

}  // namespace

uint64_t unusable_free_index(const std::array<uint64_t, kOrders>& free_blocks, Order order) {
  const Free free = sum(free_blocks, order);
  return free.pages == 0 ? 1000 : (free.pages - free.usable_pages) * 1000 / free.pages;
}

int64_t fragmentation_index(const std::array<uint64_t, kOrders>& free_blocks, Order order) {
  const Free free = sum(free_blocks, order);
  if (free.blocks == 0) return 0;
  if (free.usable_pages != 0) return -1000;
  const uint64_t wanted = 1000 + free.pages * 1000 / order.pages().value();
  return 1000 - static_cast<int64_t>(wanted / free.blocks);
}

}  // namespace ring3::mm
