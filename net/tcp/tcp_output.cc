// What a socket sends, and when.

#include <algorithm>

#include "lib/tracepoint.h"
#include "net/tcp/tcp_sock.h"

namespace ring3::net {

// ---- Segments. ----

// The right edge never moves back, and forward only by what is worth a segment (silly window
// avoidance, RFC 9293 3.8.6.2.2).
uint16_t TcpSock::window_to_offer() {
  const uint32_t buffer = std::min(context_.config.receive_buffer_bytes, 0xffffu);
  const auto used = static_cast<uint32_t>(std::min<size_t>(receive_queue_.queued_bytes(), buffer));
  const uint32_t room = buffer - used;
  const uint32_t offered = distance(rcv_nxt_, rcv_adv_);
  const uint32_t worth = std::min<uint32_t>(mss_, buffer / 2);
  const uint32_t window = room >= offered + worth ? room : offered;
  rcv_adv_ = rcv_nxt_ + window;
  return static_cast<uint16_t>(window);
}

TcpRepr TcpSock::make_repr(TcpSeq seq, uint8_t flags) {
  TcpRepr repr{.source_port = flow_.local_port,
               .destination_port = flow_.remote_port,
               .seq = seq,
               .ack = {},
               .flags = flags,
               .window = 0,
               .mss = std::nullopt};
  // Everything but the first SYN acknowledges.
  if (state_ == TcpState::kSynSent) {
    repr.window = static_cast<uint16_t>(std::min(context_.config.receive_buffer_bytes, 0xffffu));
  } else {
    repr.flags |= kAck;
    repr.ack = rcv_nxt_;
    repr.window = window_to_offer();
    segments_unacked_ = 0;
    context_.timers.cancel(delayed_ack_timer_);
  }
  if (repr.has(kSyn)) repr.mss = context_.config.mss;
  return repr;
}

// Sends a segment of the write queue, for the first time or again. False when there is no memory
// for the copy that goes out: the segment then counts as sent and lost.
bool TcpSock::transmit(Nanos now, SkBuff& skb) {
  uint8_t flags = skb.flags;
  if (skb.length != 0 && write_queue_.back() == &skb) flags |= kPsh;
  if (skb.transmissions != 0) {
    ++context_.counters.retrans_segs;
    RING3_TRACE2(tcp_retransmit_skb, this, &skb);
  }
  skb.time = now;
  if (skb.length != 0) data_sent_ = now;
  if (skb.transmissions < 255) ++skb.transmissions;
  SkBuff* copy = skb.length == 0 ? nullptr : context_.pool.clone(skb);
  const TcpRepr repr = make_repr(skb.seq, flags);
  if (skb.length != 0 && copy == nullptr) {
    ++context_.counters.no_memory;
    return false;
  }
  output_.send_segment(now, flow_, repr, copy);
  return true;
}

// From the highest number sent, not from where a timeout has taken snd_nxt_ back to: the peer may
// have all of that and would find the acknowledgement out of its window.
void TcpSock::send_ack(Nanos now) {
  output_.send_segment(now, flow_, make_repr(snd_max_, 0), nullptr);
}

void TcpSock::send_reset(Nanos now) {
  ++context_.counters.out_rsts;
  output_.send_segment(now, flow_, make_repr(snd_max_, kRst), nullptr);
}

// For an acknowledgement of something we have not sent: a reset that its sender finds in order.
void TcpSock::send_reset_for(Nanos now, TcpSeq ack) {
  ++context_.counters.out_rsts;
  const TcpRepr reset{.source_port = flow_.local_port,
                      .destination_port = flow_.remote_port,
                      .seq = ack,
                      .ack = {},
                      .flags = kRst,
                      .window = 0,
                      .mss = std::nullopt};
  output_.send_segment(now, flow_, reset, nullptr);
}

// A segment from before the window, which the peer answers with its window whatever that is.
void TcpSock::send_window_probe(Nanos now) {
  output_.send_segment(now, flow_, make_repr(snd_una_ - 1, 0), nullptr);
}

// An acknowledgement that may wait for a second segment, or for data to ride on. Segments count
// whatever their size (RFC 1122 4.2.3.2 asks for it of full ones): a path may make all of them
// smaller than the maximum.
void TcpSock::delay_ack(Nanos now) {
  if (++segments_unacked_ >= 2) {
    send_ack(now);
  } else if (!delayed_ack_timer_.pending()) {
    context_.timers.set(delayed_ack_timer_, now, context_.config.delayed_ack);
  }
}

// ---- New data. ----

uint32_t TcpSock::effective_window() const { return std::min(snd_wnd_, congestion_.cwnd()); }

void TcpSock::advance_send_head() { send_head_ = write_queue_.next(*send_head_); }

// How many bytes of `skb`, the next to send, should go out as one segment: what the peer takes in
// one; but with nothing on the way rather half of the largest window there was than nothing
// (RFC 9293 3.8.6.2.1, rule 3).
size_t TcpSock::worth_sending(const SkBuff& skb) const {
  const size_t segment = std::min<size_t>(skb.length, mss_);
  const uint32_t window = effective_window();
  const bool worth = flight() == 0 && window != 0 && window >= max_snd_wnd_ / 2;
  return worth ? std::min<size_t>(segment, window) : segment;
}

// The windows, then Nagle (RFC 1122 4.2.3.4): a small segment waits while others are on the way,
// for more to fill it, unless there will be no more.
bool TcpSock::may_send(const SkBuff& skb) const {
  // Nothing but the SYN before the handshake is done.
  if (!handshake_done_) return (skb.flags & kSyn) != 0;
  // A FIN takes a number of the peer's window, but loads no network.
  if (flight() + tcp_seq_length(skb.flags, skb.length) > snd_wnd_) return false;
  if (skb.length != 0 && flight() + skb.length > congestion_.cwnd()) return false;
  if (fin_queued_ || skb.length >= mss_ || context_.config.nodelay) return true;
  return flight() == 0 || skb.transmissions != 0;
}

void TcpSock::push(Nanos now) {
  if (handshake_done_ && flight() == 0 && now - data_sent_ > rtt_.rto()) {
    congestion_.restart_after_idle();
  }
  while (SkBuff* skb = send_head_) {
    if (handshake_done_ && !cut(*skb, worth_sending(*skb))) break;
    if (!may_send(*skb)) break;
    send_next(now, *skb);
  }
  rearm_after_output(now);
}

// Sends the segment at the head of those that are to be sent.
void TcpSock::send_next(Nanos now, SkBuff& skb) {
  snd_nxt_ = skb.seq + tcp_seq_length(skb.flags, skb.length);
  snd_max_ = later(snd_max_, snd_nxt_);
  advance_send_head();
  transmit(now, skb);
}

void TcpSock::retransmit_head(Nanos now) {
  SkBuff* head = write_queue_.front();
  if (head != nullptr) transmit(now, *head);
}

// Leaves `skb` with at most `bytes`, and without a FIN that the peer's window has no place for;
// what is cut off follows it. False when there is no memory for that.
bool TcpSock::cut(SkBuff& skb, size_t bytes) {
  if (skb.length > bytes) return split(skb, bytes);
  const bool only_fin_exceeds =
      skb.length != 0 && (skb.flags & kFin) != 0 && flight() + skb.length == snd_wnd_;
  return !only_fin_exceeds || split(skb, skb.length);
}

// Cuts `skb` in two behind `bytes`; false when there is no memory.
bool TcpSock::split(SkBuff& skb, size_t bytes) {
  SkBuff* rest = context_.pool.alloc();
  if (rest == nullptr) {
    ++context_.counters.no_memory;
    return false;
  }
  // At the start of its buffer, so that what the user sends next still fills it up to a segment.
  std::ranges::copy(skb.data().subspan(bytes), rest->put(skb.length - bytes).begin());
  rest->seq = skb.seq + static_cast<uint32_t>(bytes);
  rest->flags = skb.flags;
  rest->transmissions = skb.transmissions;
  rest->time = skb.time;
  skb.trim(bytes);
  skb.flags &= static_cast<uint8_t>(~kFin);
  write_queue_.insert_after(skb, *rest);
  return true;
}

}  // namespace ring3::net
