#pragma once

// Packet buffers: one object of a kmem_cache each, header room in front. Named as the kernel's
// sk_buff (Documentation/networking/skbuff.rst), of which this is the part that TCP needs.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/list.h"
#include "lib/units.h"
#include "mm/mm.h"
#include "net/wire/seq.h"

namespace ring3::net {

inline constexpr size_t kMtuBytes = 1500;
// IPv4 and TCP headers with the one option we send, rounded up to a cache line.
inline constexpr size_t kHeaderRoom = 64;

struct SkBuff {
  ListNode list;      // the queue it is on
  TcpSeq seq;         // of the first byte, or of the SYN
  uint8_t flags = 0;  // TcpFlags: SYN and FIN of a queued segment
  uint8_t transmissions = 0;
  Nanos time{0};  // on a TCP queue: when it was last sent; on a link: when it arrives

  std::span<std::byte> data() { return {buffer.data() + head, length}; }
  std::span<const std::byte> data() const { return {buffer.data() + head, length}; }
  size_t tailroom() const { return buffer.size() - head - length; }

  // Makes room for `bytes` more at the end (in front) and returns it. The caller has checked that
  // there is as much.
  std::span<std::byte> put(size_t bytes);
  std::span<std::byte> push(size_t bytes);
  // Drops `bytes` at the front, or all but the first `bytes`.
  void pull(size_t bytes);
  void trim(size_t bytes);

  uint16_t head = kHeaderRoom;
  uint16_t length = 0;
  std::array<std::byte, kHeaderRoom + kMtuBytes> buffer;
};

using SkbQueue = List<SkBuff, &SkBuff::list>;

// Where buffers come from: the cache "skbuff_head_cache". As safe for threads as the cache is.
class SkbPool {
 public:
  // kInvalidArgument when the memory has such a cache already.
  static Result<SkbPool> create(mm::Memory& memory);

  // An empty buffer with header room, or null: then the packet is lost, which TCP survives.
  SkBuff* alloc();
  // A copy of `skb`'s data and TCP fields, on no queue; or null.
  SkBuff* clone(const SkBuff& skb);
  void free(SkBuff* skb) { cache_->free(skb); }
  void free_all(SkbQueue& queue);

  // Ends the cache; returns how many buffers are still out.
  uint64_t destroy() { return memory_->destroy_cache(cache_); }

 private:
  SkbPool(mm::Memory& memory, mm::KmemCache* cache) : memory_(&memory), cache_(cache) {}
  mm::Memory* memory_;
  mm::KmemCache* cache_;
};

}  // namespace ring3::net
