#pragma once

// One stack against a script: the test is the peer, at 10.0.0.9 port 9. Lines read like a ladder
// diagram: what comes in, what must go out, and when. Sequence numbers are relative: ours count
// from our SYN, the peer's from its own.

#include <boost/test/unit_test.hpp>
#include <deque>
#include <optional>
#include <ostream>

#include "net/stack.h"

namespace ring3::net {

inline constexpr Ipv4Address kOurAddress{0x0a000001};
inline constexpr Ipv4Address kPeerAddress{0x0a000009};
inline constexpr uint16_t kOurPort = 80;
inline constexpr uint16_t kPeerPort = 9;

// A segment as a test writes it.
struct Line {
  uint8_t flags = 0;
  uint32_t seq = 0;
  uint32_t ack = 0;
  size_t length = 0;

  bool operator==(const Line&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Line& line) {
    static constexpr char kNames[] = "FSRPA";
    for (int bit = 0; bit < 5; ++bit) {
      if ((line.flags >> bit & 1) != 0) out << kNames[bit];
    }
    return out << " seq " << line.seq << " ack " << line.ack << " length " << line.length;
  }
};

class TcpLadder final : private Device {
 public:
  explicit TcpLadder(const TcpConfig& config = {})
      : memory_(std::move(mm::Memory::create({.size_bytes = size_t{8} << 20}).value())),
        pool_(SkbPool::create(*memory_).value()),
        stack_(
            std::move(Stack::create({kOurAddress, config}, *memory_, pool_, *this, now_).value())) {
  }

  // Nothing may be left on the wire that the test did not expect, nor anywhere else.
  ~TcpLadder() {
    for (const Sent& sent : sent_) BOOST_ERROR("was not expected: " << line_of(sent));
    stack_.reset();
    BOOST_TEST(pool_.destroy() == 0u);
    BOOST_TEST(memory_->misuses() == 0u);
    BOOST_TEST(memory_->close().none());
  }

  Stack& stack() { return *stack_; }
  // What a second host says that is told to use `tcp`; nothing when it can.
  std::string refusal(const TcpConfig& tcp) {
    const auto host = Stack::create({kPeerAddress, tcp}, *memory_, pool_, *this, now_);
    return host.ok() ? "" : host.error().message;
  }
  mm::Memory& memory() { return *memory_; }
  Nanos now() const { return now_; }
  SocketId id = {};
  TcpState state() { return stack_->status(id).state; }
  uint16_t window = 60000;  // what the peer offers
  uint16_t peer_mss = 1000;
  uint16_t peer_port = kPeerPort;
  Ipv4Address peer_address = kPeerAddress;

  // The peer sends.
  void in(const Line& line) { stack_->input(now_, packet(line)); }

  // The packet that in() delivers; whoever asks for it delivers or frees it.
  SkBuff* packet(const Line& line) {
    SkBuff* skb = pool_.alloc();
    BOOST_REQUIRE(skb != nullptr);
    for (size_t i = 0; i < line.length; ++i) {
      skb->put(1)[0] = pattern(line.seq + static_cast<uint32_t>(i));
    }
    TcpRepr repr{.source_port = peer_port,
                 .destination_port = our_port_,
                 .seq = TcpSeq(kPeerIss + line.seq),
                 .ack = TcpSeq((line.flags & kAck) != 0 ? our_iss_ + line.ack : 0),
                 .flags = line.flags,
                 .window = window,
                 .mss = std::nullopt};
    if (repr.has(kSyn)) repr.mss = peer_mss;
    skb->push(repr.header_bytes());
    emit_tcp(repr, peer_address, kOurAddress, skb->data());
    const size_t bytes = skb->length;
    skb->push(kIpv4HeaderBytes);
    emit_ipv4({.source = peer_address, .destination = kOurAddress}, bytes, skb->data());
    return skb;
  }

  // The next segment we have sent is this one.
  void out(const Line& line) {
    BOOST_REQUIRE_MESSAGE(!sent_.empty(), "expected " << line << ", nothing was sent");
    const Sent sent = sent_.front();
    sent_.pop_front();
    last_window = sent.repr.window;
    last_mss = sent.repr.mss;
    BOOST_TEST(line_of(sent) == line);
  }
  // The next `count` are segments of 1000 bytes, the first of the connection.
  void out_segments(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) out({kAck, 1 + i * 1000, 1, 1000});
  }
  void silence() {
    BOOST_TEST(sent_.empty());
    sent_.clear();
  }
  // How many segments were sent that nobody has looked at.
  size_t drop_sent() {
    const size_t count = sent_.size();
    sent_.clear();
    return count;
  }
  uint16_t last_window = 0;
  std::optional<uint16_t> last_mss;

  // Time passes; timers fire as they are due. Stops early when something is sent.
  void wait(Nanos time) {
    const Nanos end = now_ + time;
    while (sent_.empty()) {
      const auto next = stack_->next_deadline();
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
      stack_->advance(now_);
    }
    if (sent_.empty()) now_ = end;
  }
  // The next segment goes out after `delay`: not before, and late by no more than the wheel allows.
  void out_after(Nanos delay, const Line& line) {
    const Nanos start = now_;
    wait(delay * 2);
    out(line);
    BOOST_TEST((now_ - start).value() >= delay.value());
    BOOST_TEST((now_ - start).value() <= (delay + delay / 8 + milliseconds(2)).value());
  }

  // ---- Starting positions. ----

  void listening() { listener_ = stack_->listen(kOurPort).value(); }
  void accept() { id = stack_->accept(listener_).value(); }
  // We have listened, the peer has connected, and `id` is the accepted socket.
  void established() {
    listening();
    in({kSyn, 0});
    out({kSyn | kAck, 0, 1});
    in({kAck, 1, 1});
    accept();
    BOOST_CHECK(state() == TcpState::kEstablished);
  }
  // Our SYN is out.
  void connecting() {
    id = stack_->connect(now_, kPeerAddress, kPeerPort).value();
    out({kSyn, 0, 0});
  }
  void close_listener() { stack_->close(now_, listener_); }
  void abort_listener() { stack_->abort(now_, listener_); }

  void send(size_t bytes) {
    const std::vector<std::byte> data(bytes, std::byte{'x'});
    BOOST_TEST(stack_->send(now_, id, data) == bytes);
  }
  // Reads everything and checks that it is what the peer's segments held from `seq` on.
  size_t read(uint32_t seq) {
    std::byte byte;
    size_t count = 0;
    while (stack_->receive(now_, id, {&byte, 1}) == 1) {
      BOOST_REQUIRE((byte == pattern(seq + static_cast<uint32_t>(count))));
      ++count;
    }
    return count;
  }

 private:
  static constexpr uint32_t kPeerIss = 0xffffff00;  // wraps soon
  struct Sent {
    TcpRepr repr;
    size_t length;
  };

  static std::byte pattern(uint32_t seq) { return static_cast<std::byte>(seq * 7 + seq / 256); }

  void transmit(Nanos, SkBuff* skb) override {
    Ipv4Packet packet;
    TcpSegment segment;
    BOOST_REQUIRE((parse_ipv4(skb->data(), packet) == WireError::kNone));
    BOOST_REQUIRE((parse_tcp(packet.repr.source, packet.repr.destination, packet.payload,
                             segment) == WireError::kNone));
    if (segment.repr.has(kSyn)) our_iss_ = segment.repr.seq.value();
    our_port_ = segment.repr.source_port;
    sent_.push_back({segment.repr, segment.payload.size()});
    pool_.free(skb);
  }
  // PSH is no part of the protocol's rules.
  Line line_of(const Sent& sent) const {
    const bool acks = sent.repr.has(kAck);
    return {static_cast<uint8_t>(sent.repr.flags & ~kPsh), sent.repr.seq.value() - our_iss_,
            acks ? sent.repr.ack.value() - kPeerIss : 0, sent.length};
  }

  std::unique_ptr<mm::Memory> memory_;
  SkbPool pool_;
  Nanos now_ = seconds(1000);
  uint32_t our_iss_ = 0;
  uint16_t our_port_ = kOurPort;
  SocketId listener_{};
  std::deque<Sent> sent_;
  std::unique_ptr<Stack> stack_;
};

}  // namespace ring3::net
