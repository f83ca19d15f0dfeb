#pragma once

// How far free memory lies in pieces: the indices of the kernel's extfrag files (mm/vmstat.c), from
// counts of free blocks by order.

#include <array>
#include <cstdint>

#include "mm/pages/page_units.h"

namespace ring3::mm {

// The share of free memory, in thousandths, that cannot serve a block of `order`; 1000 when nothing
// is free.
uint64_t unusable_free_index(const std::array<uint64_t, kOrders>& free_blocks, Order order);

// Why a request of `order` would be refused, in thousandths: towards 0 for want of memory, towards
// 1000 because it is in pieces; -1000 when it would be served.
int64_t fragmentation_index(const std::array<uint64_t, kOrders>& free_blocks, Order order);

}  // namespace ring3::mm
