#include "net/tcp/tcp_receive_queue.h"

#include <algorithm>

namespace ring3::net {

bool TcpReceiveQueue::add(SkBuff* skb, TcpSeq& next, size_t limit_bytes) {
  if (skb->seq.after(next)) {
    insert_early(skb, limit_bytes);
    return false;
  }
  bool fin = append(skb, next);
  while (SkBuff* early = early_.front()) {
    if (fin || early->seq.after(next)) break;
    early_.remove(*early);
    early_bytes_ -= early->length;
    --early_count_;
    fin = append(early, next);
  }
  if (fin) drop_early();  // there is nothing behind a FIN
  return fin;
}

void TcpReceiveQueue::drop_early() {
  pool_.free_all(early_);
  early_bytes_ = early_count_ = 0;
}

// At `next` or before it: the part that is known already is cut off.
bool TcpReceiveQueue::append(SkBuff* skb, TcpSeq& next) {
  const TcpSeq end = end_of(*skb);
  if (end.at_or_before(next)) {
    pool_.free(skb);
    return false;
  }
  skb->pull(std::min<size_t>(distance(skb->seq, next), skb->length));
  skb->seq = next;
  next = end;
  const bool fin = (skb->flags & kFin) != 0;
  in_order_bytes_ += skb->length;
  SkBuff* tail = in_order_.back();
  if (tail != nullptr && tail->tailroom() >= skb->length) {
    // Small segments share a buffer, so that the window bounds memory too.
    std::ranges::copy(skb->data(), tail->put(skb->length).begin());
    pool_.free(skb);
  } else if (skb->length == 0) {
    pool_.free(skb);
  } else {
    in_order_.push_back(*skb);
  }
  return fin;
}

// Before the first segment that starts after it. A segment that covers nothing new is dropped;
// other overlaps stay until the gap is filled, and are cut off then.
void TcpReceiveQueue::insert_early(SkBuff* skb, size_t limit_bytes) {
  if (early_count_ == kMaxEarly || queued_bytes() + skb->length > limit_bytes) {
    pool_.free(skb);
    return;
  }
  const TcpSeq end = end_of(*skb);
  SkBuff* behind = nullptr;
  for (SkBuff& other : early_) {
    if (other.seq.at_or_before(skb->seq) && end_of(other).at_or_after(end)) {
      pool_.free(skb);
      return;
    }
    if (other.seq.after(skb->seq)) {
      behind = &other;
      break;
    }
  }
  early_bytes_ += skb->length;
  ++early_count_;
  behind == nullptr ? early_.push_back(*skb) : early_.insert_before(*behind, *skb);
}

size_t TcpReceiveQueue::read(std::span<std::byte> out) {
  size_t copied = 0;
  while (copied < out.size()) {
    SkBuff* skb = in_order_.front();
    if (skb == nullptr) break;
    const size_t part = std::min<size_t>(out.size() - copied, skb->length);
    std::ranges::copy(skb->data().first(part), out.begin() + static_cast<ptrdiff_t>(copied));
    copied += part;
    skb->pull(part);
    if (skb->length == 0) {
      in_order_.remove(*skb);
      pool_.free(skb);
    }
  }
  in_order_bytes_ -= copied;
  return copied;
}

void TcpReceiveQueue::clear() {
  pool_.free_all(in_order_);
  in_order_bytes_ = 0;
  drop_early();
}

}  // namespace ring3::net
