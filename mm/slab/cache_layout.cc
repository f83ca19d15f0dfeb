#include "mm/slab/cache_layout.h"

#include <algorithm>

namespace ring3::mm {
namespace {

constexpr size_t kWord = sizeof(void*);
constexpr size_t kCacheLine = 64;
constexpr Order kSlubMaxOrder{3};  // slabs larger than this only where one object needs it

size_t object_align(size_t object_size, size_t align, CacheAlign how) {
  size_t result = std::max(align, kWord);
  if (how == CacheAlign::kHwcache) {
    size_t line = kCacheLine;
    while (object_size <= line / 2) line /= 2;
    result = std::max(result, line);
  }
  return result;
}

// The first order from `from` to kSlubMaxOrder that wastes at most 1/fraction of the slab; above
// kSlubMaxOrder when none does.
Order order_with_waste_below(size_t stride, Order from, size_t fraction) {
  Order order = from;
  while (order <= kSlubMaxOrder && order.bytes() % stride > order.bytes() / fraction) {
    order = order.higher();
  }
  return order;
}

// Enough objects that a slab lasts a while on a machine of this size, in a slab that wastes little:
// first a sixteenth, then more, before a slab of one object.
Order slab_order(size_t stride, unsigned cpus) {
  const size_t wanted = std::min<size_t>(4 * (fls(cpus) + 1), kSlubMaxOrder.bytes() / stride);
  const Order start = Order::for_bytes(wanted * stride);
  for (size_t fraction = 16; fraction > 1; fraction /= 2) {
    const Order order = order_with_waste_below(stride, start, fraction);
    if (order <= kSlubMaxOrder) return order;
  }
  return Order::for_bytes(stride);
}

}  // namespace

CacheLayout cache_layout(size_t object_size, size_t align, CacheAlign how, unsigned cpus) {
  DCHECK(object_size > 0 && object_size <= kMaxObjectBytes);
  CacheLayout layout{};
  layout.object_size = object_size;
  layout.align = object_align(object_size, align, how);
  layout.stride = align_up(object_size, layout.align);
  layout.order = slab_order(layout.stride, cpus);
  layout.objects = static_cast<uint32_t>(layout.order.bytes() / layout.stride);
  const size_t left_over = layout.order.bytes() % layout.stride;
  layout.colour_bytes = static_cast<uint32_t>(std::max(kCacheLine, layout.align));
  layout.colours = std::max<uint32_t>(1, static_cast<uint32_t>(left_over / layout.colour_bytes));
  layout.min_partial = std::clamp(ilog2(layout.stride) / 2, 5u, 10u);
  return layout;
}

}  // namespace ring3::mm
