// What a socket does with a segment, in the order of RFC 9293 section 3.10.7.

#include <algorithm>

#include "net/tcp/tcp_sock.h"

namespace ring3::net {

void TcpSock::input(Nanos now, const TcpRepr& repr, SkBuff* skb) {
  const uint32_t length = tcp_seq_length(repr.flags, skb->length);
  skb->seq = repr.seq;
  skb->flags = repr.flags & kFin;
  const bool keep = [&] {
    if (state_ == TcpState::kClosed || state_ == TcpState::kListen) return false;
    if (state_ == TcpState::kSynSent) {
      input_syn_sent(now, repr);
      return false;
    }
    if (!handshake_done_ && repr.has(kSyn) && !repr.has(kRst) && repr.seq + 1 == rcv_nxt_) {
      input_repeated_syn(now, repr);
      return false;
    }
    // First to fifth: sequence number, RST, SYN, ACK. Each says whether to go on.
    if (!check_sequence(now, repr, length)) return false;
    if (repr.has(kRst)) return check_reset(now, repr);
    if (repr.has(kSyn)) {
      challenge_ack(now);  // RFC 5961 section 4.2
      return false;
    }
    if (!check_ack(now, repr)) return false;
    process_ack(now, repr, skb->length);
    return state_ != TcpState::kClosed && length != 0;
  }();
  if (keep) {
    process_data(now, skb);
  } else {
    context_.pool.free(skb);
  }
  if (state_ != TcpState::kClosed && state_ != TcpState::kTimeWait) push(now);
  check_invariants();
}

// ---- SYN-SENT (3.10.7.3). ----

void TcpSock::input_syn_sent(Nanos now, const TcpRepr& repr) {
  const bool acks_syn = repr.has(kAck) && repr.ack.after(iss_) && repr.ack.at_or_before(snd_max_);
  if (repr.has(kAck) && !acks_syn) {
    if (repr.has(kRst)) return;
    // An old duplicate of another connection: it is told that it is one.
    send_reset_for(now, repr.ack);
    return;
  }
  if (repr.has(kRst)) {
    if (!acks_syn) return;
    ++context_.counters.attempt_fails;
    end(TcpError::kConnectionRefused);
    return;
  }
  if (!repr.has(kSyn)) return;

  rcv_nxt_ = rcv_adv_ = repr.seq + 1;
  learn_mss(repr);
  if (!acks_syn) {
    // Both sides have sent a SYN: ours goes out again, with an acknowledgement of theirs.
    become(TcpState::kSynReceived);
    snd_wnd_ = repr.window;
    retransmit_head(now);
    return;
  }
  become(TcpState::kEstablished);
  acknowledge(now, repr.ack);
  snd_wnd_ = max_snd_wnd_ = repr.window;
  snd_wl1_ = repr.seq;
  snd_wl2_ = repr.ack;
  send_ack(now);
}

void TcpSock::learn_mss(const TcpRepr& syn) {
  constexpr uint16_t kDefault = 536;  // what RFC 9293 3.7.1 assumes of a peer that says nothing
  const uint16_t said = syn.mss.value_or(0);
  const uint16_t theirs = said == 0 ? kDefault : std::max(said, kSmallestPeerMss);
  mss_ = std::min(context_.config.mss, theirs);
  congestion_ = Congestion(mss_);
}

// ---- The other states (3.10.7.4). ----

// The peer's SYN again, while ours is not acknowledged: by its number a duplicate, but the peer can
// do nothing with a bare acknowledgement of it. Alone it asks for our SYN and ACK, which were lost.
// With an acknowledgement, when both sides have opened at once, it is the answer to ours.
void TcpSock::input_repeated_syn(Nanos now, const TcpRepr& repr) {
  if (!repr.has(kAck)) {
    if (may_answer(now)) retransmit_head(now);
    return;
  }
  TcpRepr answer = repr;
  answer.seq = rcv_nxt_;
  answer.flags &= static_cast<uint8_t>(~kSyn);
  if (!check_ack(now, answer)) return;
  process_ack(now, answer, 0);
  if (state_ != TcpState::kClosed) send_ack(now);
}

// First: is any of it in the window we offered?
bool TcpSock::check_sequence(Nanos now, const TcpRepr& repr, uint32_t length) {
  const uint32_t window = distance(rcv_nxt_, rcv_adv_);
  const TcpSeq end = repr.seq + length;
  // The right edge itself is good for an empty segment, as in Linux: from there a peer acknowledges
  // that has used up the window while a part of it is lost.
  const bool acceptable = length == 0
                              ? repr.seq.at_or_after(rcv_nxt_) && repr.seq.at_or_before(rcv_adv_)
                              : window != 0 && repr.seq.before(rcv_adv_) && end.after(rcv_nxt_);
  if (acceptable) return true;
  if (repr.has(kRst)) return false;
  if (state_ == TcpState::kTimeWait && repr.has(kFin)) {
    // The peer has not seen our last acknowledgement: the wait starts again.
    context_.timers.set(wait_timer_, now, context_.config.time_wait);
  }
  // With a closed window valid acknowledgements still count (3.4, last paragraph).
  if (window == 0 && repr.seq == rcv_nxt_ && repr.has(kAck) && !repr.has(kSyn) &&
      repr.ack.at_or_after(snd_una_) && repr.ack.at_or_before(snd_max_)) {
    process_ack(now, repr, length);
    if (state_ == TcpState::kClosed) return false;
  }
  // Data has been sent again or probes our window: its sender waits for the answer, which is none
  // that it answers. Everything else could go to and fro for ever.
  if ((length != 0 && !repr.has(kSyn)) || may_answer(now)) send_ack(now);
  return false;
}

// Second: a reset ends the connection if it is exactly the next number; elsewhere in the window it
// may be forged and is answered with a challenge (RFC 5961 section 3.2).
bool TcpSock::check_reset(Nanos now, const TcpRepr& repr) {
  if (repr.seq != rcv_nxt_) {
    challenge_ack(now);
    return false;
  }
  if (state_ == TcpState::kSynReceived) ++context_.counters.attempt_fails;
  if (state_ == TcpState::kEstablished || state_ == TcpState::kCloseWait) {
    ++context_.counters.estab_resets;
  }
  const bool both_finished =
      state_ == TcpState::kTimeWait || state_ == TcpState::kClosing || state_ == TcpState::kLastAck;
  end(both_finished ? TcpError::kNone : TcpError::kConnectionReset);
  return false;
}

// One answer in a while, and not more than the host can afford (RFC 5961 section 7): two sides that
// find each other's segments unacceptable must not keep each other busy.
bool TcpSock::may_answer(Nanos now) {
  if (answered_ && now - *answered_ < context_.config.invalid_ratelimit) return false;
  if (context_.answers != nullptr && !context_.answers->allow(now)) return false;
  answered_ = now;
  return true;
}

void TcpSock::challenge_ack(Nanos now) {
  if (!may_answer(now)) return;
  ++context_.counters.challenge_acks;
  send_ack(now);
}

// Fifth: is the acknowledgement one of something we have sent, and not too old (RFC 5961 5.2)?
bool TcpSock::check_ack(Nanos now, const TcpRepr& repr) {
  if (!repr.has(kAck)) return false;
  if (state_ == TcpState::kSynReceived) {
    if (repr.ack.after(snd_una_) && repr.ack.at_or_before(snd_max_)) {
      become(TcpState::kEstablished);
      snd_wnd_ = max_snd_wnd_ = repr.window;
      snd_wl1_ = repr.seq;
      snd_wl2_ = repr.ack;
      return true;
    }
    send_reset_for(now, repr.ack);
    return false;
  }
  if (repr.ack.after(snd_max_) || repr.ack.before(snd_una_ - max_snd_wnd_)) {
    challenge_ack(now);
    return false;
  }
  return true;
}

void TcpSock::process_ack(Nanos now, const TcpRepr& repr, size_t payload_bytes) {
  const bool same_window = repr.window == snd_wnd_;
  const bool advances = repr.ack.after(snd_una_);
  if (repr.ack.at_or_after(snd_una_)) update_send_window(repr);
  if (advances) {
    acknowledge(now, repr.ack);
    return;
  }
  // A duplicate as RFC 5681 section 2 defines it: nothing new about it, with data on the way.
  const bool duplicate = repr.ack == snd_una_ && payload_bytes == 0 && !repr.has(kFin) &&
                         same_window && flight() != 0 && !write_queue_.empty();
  if (duplicate) duplicate_ack(now);
}

void TcpSock::update_send_window(const TcpRepr& repr) {
  const bool newer =
      snd_wl1_.before(repr.seq) || (snd_wl1_ == repr.seq && snd_wl2_.at_or_before(repr.ack));
  if (!newer) return;
  const bool opens = snd_wnd_ == 0 && repr.window != 0;
  snd_wnd_ = repr.window;
  max_snd_wnd_ = std::max(max_snd_wnd_, snd_wnd_);
  snd_wl1_ = repr.seq;
  snd_wl2_ = repr.ack;
  // An answer to a probe, or to a segment that a window has closed upon: the peer is there
  // (RFC 1122 4.2.2.17). An opened window ends the probing.
  if (flight() == 0 || snd_wnd_ == 0) retries_ = 0;
  if (opens && flight() == 0) {
    rtt_.end_back_off();
    context_.timers.cancel(retransmit_timer_);
  }
}

// `ack` is new: everything before it has arrived.
void TcpSock::acknowledge(Nanos now, TcpSeq ack) {
  const uint32_t bytes = distance(snd_una_, ack);
  const uint32_t flight_before = flight();
  const bool syn_acked = !handshake_done_;
  handshake_done_ = true;
  bool retransmitted = false;
  bool fin_acked = false;
  std::optional<Nanos> sent;
  while (SkBuff* skb = write_queue_.front()) {
    const TcpSeq end_seq = skb->seq + tcp_seq_length(skb->flags, skb->length);
    if (end_seq.after(ack)) {
      // Acknowledged in part: the rest remains.
      if (skb->seq.before(ack)) {
        const uint32_t part = distance(skb->seq, ack);
        skb->pull(part);
        skb->seq = ack;
        write_queue_bytes_ -= part;
      }
      break;
    }
    retransmitted |= skb->transmissions > 1;
    sent = skb->time;
    fin_acked |= (skb->flags & kFin) != 0;
    write_queue_bytes_ -= skb->length;
    if (skb == send_head_) advance_send_head();
    write_queue_.remove(*skb);
    context_.pool.free(skb);
  }
  snd_una_ = ack;
  snd_nxt_ = later(snd_nxt_, ack);

  // Karn's algorithm: what was sent twice says nothing about the round trip.
  if (retransmitted && syn_acked) {
    rtt_.start_over_after_syn_loss();
    congestion_.syn_was_lost();
  }
  if (!retransmitted && sent) rtt_.sample(now - *sent);
  retries_ = 0;

  if (congestion_.in_recovery() && ack.before(recover_)) {
    congestion_.partial_ack(bytes);
    retransmit_head(now);
  } else if (congestion_.in_recovery()) {
    congestion_.leave_recovery(flight());
    duplicate_acks_ = 0;
  } else {
    duplicate_acks_ = 0;
    if (!syn_acked) congestion_.acked(bytes, flight_before);
  }
  // Kept just before what is acknowledged, lest it should seem to lie ahead when 2^31 bytes have
  // passed.
  recover_ = later(recover_, ack - 1);
  // (5.2), (5.3): off when all is acknowledged, else from now on anew.
  context_.timers.cancel(retransmit_timer_);
  if (!write_queue_.empty()) arm_retransmit(now);
  if (fin_acked) our_fin_acked(now);
}

// Fast retransmit and recovery (RFC 5681 section 3.2, RFC 6582).
void TcpSock::duplicate_ack(Nanos now) {
  ++duplicate_acks_;
  if (congestion_.in_recovery()) {
    congestion_.duplicate_ack();
    return;
  }
  if (duplicate_acks_ != 3) return;
  // Acknowledgements of what a recovery or a timeout sent a second time, up to all of it, are no
  // sign of another loss (RFC 6582 section 3.2, step 2).
  if (snd_una_.at_or_before(recover_)) return;
  ++context_.counters.fast_retrans;
  recover_ = snd_max_;
  congestion_.enter_recovery(flight());
  retransmit_head(now);
  arm_retransmit(now);
}

void TcpSock::our_fin_acked(Nanos now) {
  switch (state_) {
    case TcpState::kFinWait1:
      become(TcpState::kFinWait2);
      if (user_gone_) context_.timers.set(wait_timer_, now, context_.config.fin_timeout);
      break;
    case TcpState::kClosing:
      enter_time_wait(now);
      break;
    case TcpState::kLastAck:
      end(TcpError::kNone);
      break;
    default:
      break;
  }
}

void TcpSock::enter_time_wait(Nanos now) {
  become(TcpState::kTimeWait);
  context_.timers.cancel(retransmit_timer_);
  context_.timers.set(wait_timer_, now, context_.config.time_wait);
}

// Seventh and eighth: the data, and the FIN behind it.
void TcpSock::process_data(Nanos now, SkBuff* skb) {
  const bool receiving = state_ == TcpState::kEstablished || state_ == TcpState::kFinWait1 ||
                         state_ == TcpState::kFinWait2;
  if (!receiving) {
    context_.pool.free(skb);
    send_ack(now);
    return;
  }
  const bool new_data = (skb->seq + skb->length).after(rcv_nxt_);
  if (user_gone_ && new_data && skb->length != 0) {
    // Nobody will read it, and the peer must know.
    context_.pool.free(skb);
    abort(now);
    return;
  }
  trim_to_window(*skb);
  const bool had_gap = receive_queue_.has_gap();
  const TcpSeq before = rcv_nxt_;
  const bool fin = receive_queue_.add(skb, rcv_nxt_, context_.config.receive_buffer_bytes);
  rcv_adv_ = later(rcv_adv_, rcv_nxt_);
  if (fin) {
    process_fin(now);
    return;
  }
  // A gap, or one filled, is acknowledged at once (RFC 5681 section 4.2): the sender counts on it.
  // So is what has arrived before.
  const bool early = receive_queue_.has_gap();
  if (early && !had_gap) ++context_.counters.ofo_queued;
  if (early || had_gap || before == rcv_nxt_) {
    send_ack(now);
  } else {
    delay_ack(now);
  }
}

void TcpSock::trim_to_window(SkBuff& skb) {
  const TcpSeq end_seq = skb.seq + skb.length;
  if (end_seq.at_or_before(rcv_adv_)) return;
  const uint32_t excess = distance(rcv_adv_, end_seq);
  skb.trim(skb.length - std::min<uint32_t>(excess, skb.length));
  skb.flags = 0;  // the FIN lies outside as well
}

void TcpSock::process_fin(Nanos now) {
  peer_finished_ = true;
  switch (state_) {
    case TcpState::kEstablished:
      become(TcpState::kCloseWait);
      break;
    case TcpState::kFinWait1:
      become(TcpState::kClosing);
      break;
    case TcpState::kFinWait2:
      enter_time_wait(now);
      break;
    default:
      break;
  }
  send_ack(now);
}

}  // namespace ring3::net
