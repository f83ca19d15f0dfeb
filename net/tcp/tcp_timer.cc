// A socket's timers: retransmission (RFC 6298), persist (RFC 9293 3.8.6.1), delayed
// acknowledgement, and the waits at the end.

#include <algorithm>

#include "net/tcp/tcp_sock.h"

namespace ring3::net {

void TcpSock::cancel_timers() {
  for (Timer* timer : {&retransmit_timer_, &delayed_ack_timer_, &wait_timer_}) {
    context_.timers.cancel(*timer);
  }
}

void TcpSock::arm_retransmit(Nanos now) { context_.timers.set(retransmit_timer_, now, rtt_.rto()); }

// Something waits for the peer exactly when the timer runs: data on the way, or data that its
// window keeps back.
void TcpSock::rearm_after_output(Nanos now) {
  if (write_queue_.empty()) {
    context_.timers.cancel(retransmit_timer_);
  } else if (!retransmit_timer_.pending()) {
    arm_retransmit(now);
  }
}

void TcpSock::timer_expired(Timer& timer, Nanos now) {
  TcpSock& sock = *static_cast<TcpSock*>(timer.context);
  sock.run_timer(now, timer);
  // Last: the socket may be gone then.
  sock.output_.timer_ran(sock.flow_);
}

void TcpSock::run_timer(Nanos now, Timer& timer) {
  if (&timer == &delayed_ack_timer_) {
    send_ack(now);
  } else if (&timer == &wait_timer_) {
    end(TcpError::kNone);
  } else if (flight() != 0) {
    retransmit_timeout(now);
  } else {
    persist_timeout(now);
  }
  check_invariants();
}

void TcpSock::retransmit_timeout(Nanos now) {
  const unsigned limit =
      handshake_done_ ? context_.config.data_retries : context_.config.syn_retries;
  if (retries_ >= limit || orphan_waits_in_vain()) {
    give_up(now);
    return;
  }
  ++context_.counters.timeouts;
  if (handshake_done_) congestion_.timed_out(flight(), retries_ == 0);
  ++retries_;
  rtt_.back_off();
  duplicate_acks_ = 0;
  recover_ = snd_max_;

  // Everything on the way counts as lost: sending starts again at the first of it, as the window
  // opens (RFC 5681 section 3.1).
  SkBuff* head = write_queue_.front();
  snd_nxt_ = head->seq + tcp_seq_length(head->flags, head->length);
  send_head_ = write_queue_.next(*head);
  retransmit_head(now);
  arm_retransmit(now);
}

// The peer, should it still be there, is told (a RST, as RFC 1122 4.2.3.5 allows).
void TcpSock::give_up(Nanos now) {
  ++context_.counters.abort_on_timeout;
  if (!handshake_done_) ++context_.counters.attempt_fails;
  if (state_ != TcpState::kSynSent) send_reset(now);
  end(TcpError::kTimedOut);
}

// Its user is gone, and the peer answers but keeps its window closed, for as long as probes get
// rarer: nobody would ever end it (Linux' tcp_probe_timer() does the same to orphans).
bool TcpSock::orphan_waits_in_vain() const {
  return user_gone_ && snd_wnd_ == 0 && rtt_.rto() >= context_.config.rto_max;
}

// The peer's window is closed, or too small for the next segment, and nothing is on the way.
void TcpSock::persist_timeout(Nanos now) {
  SkBuff* head = send_head_;
  if (head == nullptr) return;
  if (retries_ >= context_.config.data_retries || orphan_waits_in_vain()) {
    give_up(now);
    return;
  }
  const uint32_t window = effective_window();
  // Half a segment is better than none once nothing else happens (RFC 1122 4.2.3.4).
  if (window != 0 && cut(*head, std::min<uint32_t>(window, mss_))) {
    send_next(now, *head);
  } else {
    ++retries_;
    rtt_.back_off();
    send_window_probe(now);
  }
  arm_retransmit(now);
}

}  // namespace ring3::net
