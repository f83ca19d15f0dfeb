#include "net/tcp/tcp_sock.h"

#include <algorithm>
#include <array>

namespace ring3::net {

const char* tcp_state_name(TcpState state) {
  static constexpr std::array<const char*, 11> kNames{
      "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
      "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT"};
  return kNames[static_cast<size_t>(state)];
}

TcpSock::TcpSock(const TcpContext& context, TcpOutput& output, const TcpFlow& flow)
    : context_(context),
      output_(output),
      flow_(flow),
      mss_(context.config.mss),
      rtt_(context.config),
      congestion_(context.config.mss),
      receive_queue_(context.pool) {
  for (Timer* timer : {&retransmit_timer_, &delayed_ack_timer_, &wait_timer_}) {
    timer->function = timer_expired;
    timer->context = this;
  }
}

TcpSock::~TcpSock() {
  cancel_timers();
  context_.pool.free_all(write_queue_);
}

void TcpSock::become(TcpState state) { state_ = state; }

// The connection is over, for whatever reason.
void TcpSock::end(TcpError error) {
  if (error_ == TcpError::kNone) error_ = error;
  cancel_timers();
  context_.pool.free_all(write_queue_);
  send_head_ = nullptr;
  write_queue_bytes_ = 0;
  become(TcpState::kClosed);
}

void TcpSock::listen() {
  CHECK(state_ == TcpState::kClosed);
  become(TcpState::kListen);
}

void TcpSock::start(TcpSeq iss) {
  iss_ = snd_una_ = snd_nxt_ = snd_max_ = recover_ = iss;
  SkBuff* syn = append_segment();
  if (syn == nullptr) {
    end(TcpError::kTimedOut);
    return;
  }
  syn->flags = kSyn;
  snd_wnd_ = 1;  // for the SYN; the peer has told us nothing yet
}

void TcpSock::connect(Nanos now, TcpSeq iss) {
  CHECK(state_ == TcpState::kClosed);
  ++context_.counters.active_opens;
  become(TcpState::kSynSent);
  start(iss);
  push(now);
  check_invariants();
}

void TcpSock::accept_syn(Nanos now, TcpSeq iss, const TcpRepr& syn) {
  CHECK(state_ == TcpState::kClosed);
  ++context_.counters.passive_opens;
  become(TcpState::kSynReceived);
  rcv_nxt_ = rcv_adv_ = syn.seq + 1;
  learn_mss(syn);
  start(iss);
  push(now);
  check_invariants();
}

bool TcpSock::can_send_data() const {
  switch (state_) {
    case TcpState::kSynSent:
    case TcpState::kSynReceived:
    case TcpState::kEstablished:
    case TcpState::kCloseWait:
      return !fin_queued_;
    default:
      return false;
  }
}

size_t TcpSock::writable_bytes() const {
  if (!can_send_data()) return 0;
  const size_t limit = context_.config.send_buffer_bytes;
  return limit - std::min(limit, write_queue_bytes_);
}

// An empty segment at the end of the queue, or null when there is no memory.
SkBuff* TcpSock::append_segment() {
  SkBuff* skb = context_.pool.alloc();
  if (skb == nullptr) {
    ++context_.counters.no_memory;
    return nullptr;
  }
  const SkBuff* tail = write_queue_.back();
  skb->seq = tail == nullptr ? snd_max_ : tail->seq + tcp_seq_length(tail->flags, tail->length);
  write_queue_.push_back(*skb);
  if (send_head_ == nullptr) send_head_ = skb;
  return skb;
}

// Fills up the last segment if it has not been sent, or adds one.
bool TcpSock::append_to_tail(std::span<const std::byte>& data) {
  SkBuff* tail = write_queue_.back();
  const bool fresh =
      tail == nullptr || tail->transmissions != 0 || tail->flags != 0 || tail->length >= mss_;
  if (fresh) tail = append_segment();
  if (tail == nullptr) return false;
  const size_t part = std::min<size_t>(mss_ - tail->length, data.size());
  std::ranges::copy(data.first(part), tail->put(part).begin());
  data = data.subspan(part);
  return true;
}

size_t TcpSock::send(Nanos now, std::span<const std::byte> data) {
  std::span<const std::byte> left = data.first(std::min(data.size(), writable_bytes()));
  const size_t wanted = left.size();
  while (!left.empty() && append_to_tail(left)) {
  }
  const size_t taken = wanted - left.size();
  write_queue_bytes_ += taken;
  push(now);
  check_invariants();
  return taken;
}

size_t TcpSock::receive(Nanos now, std::span<std::byte> out) {
  const size_t taken = receive_queue_.read(out);
  const bool receiving = state_ == TcpState::kEstablished || state_ == TcpState::kFinWait1 ||
                         state_ == TcpState::kFinWait2;
  if (taken == 0 || !receiving) return taken;
  // Silly window avoidance (RFC 9293 3.8.6.2.2): only an opening that is worth a segment.
  const uint32_t offered = distance(rcv_nxt_, rcv_adv_);
  const auto room = static_cast<uint32_t>(
      context_.config.receive_buffer_bytes -
      std::min<size_t>(receive_queue_.queued_bytes(), context_.config.receive_buffer_bytes));
  const uint32_t worth = std::min<uint32_t>(2 * mss_, context_.config.receive_buffer_bytes / 2);
  if (offered < worth && room >= offered + worth) send_ack(now);
  return taken;
}

void TcpSock::shutdown(Nanos now) {
  switch (state_) {
    case TcpState::kListen:
    case TcpState::kSynSent:
      end(TcpError::kNone);
      return;
    case TcpState::kSynReceived:
    case TcpState::kEstablished:
      become(TcpState::kFinWait1);
      break;
    case TcpState::kCloseWait:
      become(TcpState::kLastAck);
      break;
    default:
      return;
  }
  if (append_fin()) {
    push(now);
  } else {
    // Without even a buffer for the FIN the connection cannot end in order.
    send_reset(now);
    end(TcpError::kTimedOut);
  }
  check_invariants();
}

// The FIN rides on the last unsent segment, or is one of its own. False when there is no memory.
bool TcpSock::append_fin() {
  SkBuff* tail = write_queue_.back();
  if (tail == nullptr || tail->transmissions != 0 || tail->flags != 0) {
    tail = append_segment();
  }
  if (tail == nullptr) return false;
  tail->flags |= kFin;
  fin_queued_ = true;
  return true;
}

void TcpSock::close(Nanos now) {
  user_gone_ = true;
  const bool unread = receive_queue_.readable_bytes() != 0;
  receive_queue_.clear();
  if (state_ == TcpState::kClosed) return;
  if (unread) {
    abort(now);
    return;
  }
  shutdown(now);
  if (state_ == TcpState::kFinWait2) {
    context_.timers.set(wait_timer_, now, context_.config.fin_timeout);
  }
}

void TcpSock::abort(Nanos now) {
  switch (state_) {
    case TcpState::kSynReceived:
    case TcpState::kEstablished:
    case TcpState::kFinWait1:
    case TcpState::kFinWait2:
    case TcpState::kCloseWait:
      send_reset(now);
      break;
    default:
      break;  // nobody there, or both sides are finished
  }
  end(TcpError::kConnectionReset);
}

void TcpSock::check_invariants() const {
  DCHECK(snd_una_.at_or_before(snd_nxt_));
  DCHECK(snd_nxt_.at_or_before(snd_max_));
  DCHECK(rcv_nxt_.at_or_before(rcv_adv_) || state_ == TcpState::kSynSent);
  // Whatever waits for the peer has a timer: sent and not acknowledged, or not sent for want of a
  // window; a closed connection waits for nothing.
  if (state_ == TcpState::kClosed) {
    DCHECK(write_queue_.empty());
    DCHECK(!retransmit_timer_.pending() && !delayed_ack_timer_.pending() && !wait_timer_.pending());
  } else if (state_ != TcpState::kListen) {
    DCHECK(flight() == 0 || retransmit_timer_.pending());
    DCHECK(write_queue_.empty() || flight() != 0 || retransmit_timer_.pending());
  }
  DCHECK(state_ != TcpState::kTimeWait || wait_timer_.pending());
  if (RING3_DCHECK_ENABLED && state_ != TcpState::kClosed) check_write_queue();
}

// From snd_una_ on without a gap, sent segments first, as many bytes as are counted.
void TcpSock::check_write_queue() const {
  TcpSeq next = snd_una_;
  size_t bytes = 0;
  bool nxt_is_a_boundary = snd_nxt_ == snd_una_;
  const SkBuff* head = nullptr;
  for (const SkBuff& skb : write_queue_) {
    CHECK_EQ(skb.seq.value(), next.value());
    CHECK_EQ(skb.transmissions != 0, skb.seq.before(snd_max_));
    next = skb.seq + tcp_seq_length(skb.flags, skb.length);
    bytes += skb.length;
    nxt_is_a_boundary |= next == snd_nxt_;
    if (head == nullptr && skb.seq.at_or_after(snd_nxt_)) head = &skb;
  }
  CHECK_EQ(head, send_head_);
  CHECK(nxt_is_a_boundary);
  CHECK(next.at_or_after(snd_max_));
  CHECK_EQ(bytes, write_queue_bytes_);
}

}  // namespace ring3::net
