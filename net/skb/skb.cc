#include "net/skb/skb.h"

#include <algorithm>
#include <new>

#include "lib/check.h"

namespace ring3::net {

std::span<std::byte> SkBuff::put(size_t bytes) {
  CHECK_LE(bytes, tailroom());
  std::byte* end = buffer.data() + head + length;
  length = static_cast<uint16_t>(length + bytes);
  return {end, bytes};
}

std::span<std::byte> SkBuff::push(size_t bytes) {
  CHECK_LE(bytes, head);
  head = static_cast<uint16_t>(head - bytes);
  length = static_cast<uint16_t>(length + bytes);
  return {buffer.data() + head, bytes};
}

void SkBuff::pull(size_t bytes) {
  CHECK_LE(bytes, length);
  head = static_cast<uint16_t>(head + bytes);
  length = static_cast<uint16_t>(length - bytes);
}

void SkBuff::trim(size_t bytes) {
  CHECK_LE(bytes, length);
  length = static_cast<uint16_t>(bytes);
}

Result<SkbPool> SkbPool::create(mm::Memory& memory) {
  auto cache = memory.create_cache({.name = "skbuff_head_cache",
                                    .object_size = sizeof(SkBuff),
                                    .align = 0,
                                    .how = mm::CacheAlign::kHwcache,
                                    .ctor = nullptr});
  if (!cache) return cache.error();
  return SkbPool(memory, *cache);
}

SkBuff* SkbPool::alloc() {
  void* object = cache_->alloc(mm::kGfpAtomic);
  return object == nullptr ? nullptr : new (object) SkBuff;
}

SkBuff* SkbPool::clone(const SkBuff& skb) {
  SkBuff* copy = alloc();
  if (copy == nullptr) return nullptr;
  copy->seq = skb.seq;
  copy->flags = skb.flags;
  copy->head = skb.head;
  std::ranges::copy(skb.data(), copy->put(skb.length).begin());
  return copy;
}

void SkbPool::free_all(SkbQueue& queue) {
  while (SkBuff* skb = queue.pop_front()) free(skb);
}

}  // namespace ring3::net
