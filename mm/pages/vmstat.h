#pragma once

// The texts and figures of /proc that tell how free memory lies.

#include <array>
#include <cstdint>
#include <string>

#include "mm/pages/node.h"

namespace ring3::mm {

// The text of /proc/buddyinfo: a line a zone, the free blocks of each order.
std::string buddyinfo_text(const Node& node);

// External fragmentation as the kernel's extfrag/unusable_index: the share of free memory, in
// thousandths, that cannot serve a block of `order`; 1000 when nothing is free.
uint64_t unusable_free_index(const std::array<uint64_t, kOrders>& free_blocks, Order order);

}  // namespace ring3::mm
