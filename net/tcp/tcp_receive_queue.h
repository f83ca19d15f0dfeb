#pragma once

// What has arrived and not been read: bytes in order for the user, and beyond a gap the segments
// that came too early. Pure; bounded by the receive buffer.

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/skb/skb.h"
#include "net/wire/tcp_segment.h"

namespace ring3::net {

class TcpReceiveQueue {
 public:
  explicit TcpReceiveQueue(SkbPool& pool) : pool_(pool) {}
  ~TcpReceiveQueue() { clear(); }
  TcpReceiveQueue(const TcpReceiveQueue&) = delete;
  TcpReceiveQueue& operator=(const TcpReceiveQueue&) = delete;

  // Takes a segment, trimmed to the window by the caller, whose payload starts at skb->seq;
  // kFin in skb->flags counts one number after it. Moves `next`, the next number expected, past
  // all that is now in order; true when that includes a FIN, behind which nothing is kept. What is
  // there already is dropped, and so is what comes too early when kMaxEarly segments wait or
  // `limit_bytes` are queued.
  bool add(SkBuff* skb, TcpSeq& next, size_t limit_bytes);

  // Moves up to out.size() bytes to the user.
  size_t read(std::span<std::byte> out);

  size_t readable_bytes() const { return in_order_bytes_; }
  // Memory that the window must not promise a second time.
  size_t queued_bytes() const { return in_order_bytes_ + early_bytes_; }
  bool has_gap() const { return !early_.empty(); }
  void clear();

 private:
  static TcpSeq end_of(const SkBuff& skb) {
    return skb.seq + skb.length + ((skb.flags & kFin) != 0 ? 1 : 0);
  }
  static constexpr size_t kMaxEarly = 256;

  void insert_early(SkBuff* skb, size_t limit_bytes);
  bool append(SkBuff* skb, TcpSeq& next);
  void drop_early();

  SkbPool& pool_;
  SkbQueue in_order_;
  SkbQueue early_;  // by seq, each starting after the one before it and after `next`
  size_t in_order_bytes_ = 0;
  size_t early_bytes_ = 0;
  size_t early_count_ = 0;
};

}  // namespace ring3::net
