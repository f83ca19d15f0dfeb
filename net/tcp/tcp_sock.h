#pragma once

// A TCP connection, or a listener: the transmission control block of RFC 9293, with the kernel's
// names, and what it does when a segment comes, a timer expires or the user calls. Sans I/O: time
// is an argument, and what it sends goes to a TcpOutput.
//
// Four files: tcp_sock.cc the user's calls, tcp_input.cc segments, tcp_output.cc what is sent and
// when, tcp_timer.cc the timers.

#include <cstdint>
#include <optional>
#include <span>

#include "net/skb/skb.h"
#include "net/tcp/answer_limit.h"
#include "net/tcp/congestion.h"
#include "net/tcp/rtt.h"
#include "net/tcp/tcp_config.h"
#include "net/tcp/tcp_receive_queue.h"
#include "net/timer/timer_wheel.h"
#include "net/wire/tcp_segment.h"

namespace ring3::net {

enum class TcpState : uint8_t {
  kClosed,
  kListen,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait1,
  kFinWait2,
  kCloseWait,
  kClosing,
  kLastAck,
  kTimeWait,
};
// "ESTABLISHED" and so on, as RFC 9293 writes them.
const char* tcp_state_name(TcpState state);

// Why a connection ended, by the name of the errno a user would see.
enum class TcpError : uint8_t {
  kNone,
  kConnectionRefused,  // ECONNREFUSED: a RST answered our SYN
  kConnectionReset,    // ECONNRESET
  kTimedOut,           // ETIMEDOUT: a segment was sent as often as allowed
};

// Both ends of a connection.
struct TcpFlow {
  Ipv4Address local;
  uint16_t local_port = 0;
  Ipv4Address remote;
  uint16_t remote_port = 0;
  constexpr auto operator<=>(const TcpFlow&) const = default;
};

// What a stack counts, named as in /proc/net/snmp and netstat.
struct TcpCounters {
  uint64_t active_opens = 0;
  uint64_t passive_opens = 0;
  uint64_t attempt_fails = 0;
  uint64_t estab_resets = 0;
  uint64_t in_segs = 0;
  uint64_t out_segs = 0;
  uint64_t retrans_segs = 0;
  uint64_t in_errs = 0;
  uint64_t out_rsts = 0;
  uint64_t timeouts = 0;        // TCPTimeouts
  uint64_t fast_retrans = 0;    // TCPFastRetrans
  uint64_t ofo_queued = 0;      // TCPOFOQueue
  uint64_t challenge_acks = 0;  // TCPChallengeACK
  uint64_t abort_on_timeout = 0;
  uint64_t no_memory = 0;  // buffers that could not be had
};

// What a socket needs of the stack it belongs to.
struct TcpContext {
  const TcpConfig& config;
  SkbPool& pool;
  TimerWheel& timers;
  TcpCounters& counters;
  AnswerLimit* answers = nullptr;  // of the whole stack; null: each socket's own limit is all
};

// Where a socket's segments go.
class TcpOutput {
 public:
  // Sends the segment that `repr` and the data of `payload` make. Takes `payload`, which may be
  // null for none.
  virtual void send_segment(Nanos now, const TcpFlow& flow, const TcpRepr& repr,
                            SkBuff* payload) = 0;
  // A timer of the socket of `flow` has run, which nobody but the wheel had a hand in: it may have
  // ended. Called last, so the socket may be destroyed.
  virtual void timer_ran(const TcpFlow& flow) { (void)flow; }

 protected:
  ~TcpOutput() = default;
};

class TcpSock {
 public:
  // In state kClosed. Everything in `context` and `output` outlives the socket.
  TcpSock(const TcpContext& context, TcpOutput& output, const TcpFlow& flow);
  ~TcpSock();
  TcpSock(const TcpSock&) = delete;
  TcpSock& operator=(const TcpSock&) = delete;

  // ---- The user's calls (RFC 9293 section 3.10). ----

  void listen();
  // Sends a SYN with the initial sequence number `iss`.
  void connect(Nanos now, TcpSeq iss);
  // A listener's child: answers `syn` with SYN and ACK.
  void accept_syn(Nanos now, TcpSeq iss, const TcpRepr& syn);
  // Queues as many of `data` as the send buffer and memory hold, and returns how many that is.
  size_t send(Nanos now, std::span<const std::byte> data);
  // Moves received bytes to `out`; tells the peer when that opens its window again.
  size_t receive(Nanos now, std::span<std::byte> out);
  // No more data will be sent: a FIN goes out behind what is queued.
  void shutdown(Nanos now);
  // shutdown(), and the user is gone: what is unread or still comes is answered with a RST
  // (RFC 1122 4.2.2.13).
  void close(Nanos now);
  // RST, and kClosed at once.
  void abort(Nanos now);

  // ---- Events. ----

  // A segment for this connection; takes `skb`, whose data is the segment's payload. In state
  // kListen nothing is handed here; the stack makes a child.
  void input(Nanos now, const TcpRepr& repr, SkBuff* skb);
  // ---- State. ----

  const TcpFlow& flow() const { return flow_; }
  TcpState state() const { return state_; }
  TcpError error() const { return error_; }
  bool user_gone() const { return user_gone_; }
  size_t readable_bytes() const { return receive_queue_.readable_bytes(); }
  size_t writable_bytes() const;
  // The peer's FIN has come: after the readable bytes, nothing more.
  bool peer_finished() const { return peer_finished_; }
  const RttEstimator& rtt() const { return rtt_; }
  const Congestion& congestion() const { return congestion_; }
  // Sent and not acknowledged, FIN and SYN included.
  uint32_t flight() const { return distance(snd_una_, snd_nxt_); }

 private:
  // -- tcp_sock.cc
  void start(TcpSeq iss);
  void become(TcpState state);
  void end(TcpError error);
  bool can_send_data() const;
  bool append_to_tail(std::span<const std::byte>& data);
  SkBuff* append_segment();
  bool append_fin();
  // Debug builds recompute what must always hold; called after every event.
  void check_invariants() const;
  void check_write_queue() const;

  // -- tcp_input.cc
  void input_syn_sent(Nanos now, const TcpRepr& repr);
  bool check_sequence(Nanos now, const TcpRepr& repr, uint32_t length);
  bool check_reset(Nanos now, const TcpRepr& repr);
  bool check_ack(Nanos now, const TcpRepr& repr);
  void process_ack(Nanos now, const TcpRepr& repr, size_t payload_bytes);
  void acknowledge(Nanos now, TcpSeq ack);
  void duplicate_ack(Nanos now);
  void update_send_window(const TcpRepr& repr);
  void our_fin_acked(Nanos now);
  void process_data(Nanos now, SkBuff* skb);
  void trim_to_window(SkBuff& skb);
  void process_fin(Nanos now);
  void enter_time_wait(Nanos now);
  bool may_answer(Nanos now);
  void challenge_ack(Nanos now);
  void input_repeated_syn(Nanos now, const TcpRepr& repr);
  void learn_mss(const TcpRepr& syn);

  // -- tcp_output.cc
  void push(Nanos now);
  bool may_send(const SkBuff& skb) const;
  size_t worth_sending(const SkBuff& skb) const;
  bool cut(SkBuff& skb, size_t bytes);
  bool transmit(Nanos now, SkBuff& skb);
  void retransmit_head(Nanos now);
  bool split(SkBuff& skb, size_t bytes);
  void send_ack(Nanos now);
  void send_reset(Nanos now);
  void send_window_probe(Nanos now);
  void send_reset_for(Nanos now, TcpSeq ack);
  void delay_ack(Nanos now);
  TcpRepr make_repr(TcpSeq seq, uint8_t flags);
  uint16_t window_to_offer();
  void advance_send_head();
  void send_next(Nanos now, SkBuff& skb);
  uint32_t effective_window() const;

  // -- tcp_timer.cc
  static void timer_expired(Timer& timer, Nanos now);
  void run_timer(Nanos now, Timer& timer);
  void arm_retransmit(Nanos now);
  void rearm_after_output(Nanos now);
  void retransmit_timeout(Nanos now);
  void persist_timeout(Nanos now);
  void give_up(Nanos now);
  bool orphan_waits_in_vain() const;
  void cancel_timers();

  TcpContext context_;
  TcpOutput& output_;
  const TcpFlow flow_;
  TcpState state_ = TcpState::kClosed;
  TcpError error_ = TcpError::kNone;
  bool user_gone_ = false;
  bool handshake_done_ = false;  // our SYN has been acknowledged

  // Send sequence space (RFC 9293 section 3.3.1). snd_nxt_ goes back to snd_una_ at a timeout;
  // snd_max_ is the highest it has been.
  TcpSeq iss_;
  TcpSeq snd_una_;
  TcpSeq snd_nxt_;
  TcpSeq snd_max_;
  uint32_t snd_wnd_ = 0;
  uint32_t max_snd_wnd_ = 0;
  TcpSeq snd_wl1_;
  TcpSeq snd_wl2_;
  uint16_t mss_;
  // SYN, data and FIN in order, from snd_una_ on: sent ones first. A segment is sent whole or not
  // at all.
  SkbQueue write_queue_;
  SkBuff* send_head_ = nullptr;  // the first segment of it that starts at snd_nxt_ or later
  size_t write_queue_bytes_ = 0;
  Nanos data_sent_{0};  // when data was last sent
  bool fin_queued_ = false;

  RttEstimator rtt_;
  Congestion congestion_;
  unsigned duplicate_acks_ = 0;
  TcpSeq recover_;  // NewReno: recovery ends when this is acknowledged
  unsigned retries_ = 0;

  // Receive sequence space.
  TcpSeq rcv_nxt_;
  TcpSeq rcv_adv_;  // the right edge of the window we have offered; never moves left
  bool peer_finished_ = false;
  unsigned segments_unacked_ = 0;
  TcpReceiveQueue receive_queue_;
  std::optional<Nanos> answered_;  // when an unacceptable segment was last answered

  Timer retransmit_timer_;  // also the persist timer: never both
  Timer delayed_ack_timer_;
  Timer wait_timer_;  // TIME-WAIT, and FIN-WAIT-2 of a closed socket
};

}  // namespace ring3::net
