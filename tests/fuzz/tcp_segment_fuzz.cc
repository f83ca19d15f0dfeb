// Any segments at a stack with a listener, an open connection and one that is opening. The bytes
// are operations: segments with chosen or raw headers, time, and the user's calls. Debug builds
// check every socket's invariants after each; at the end nothing may be left.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "lib/check.h"
#include "net/stack.h"

using namespace ring3;
using namespace ring3::net;

namespace {

constexpr Ipv4Address kUs{0x0a000001};
constexpr Ipv4Address kThem{0x0a000002};

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : rest_(data, size) {}
  bool empty() const { return rest_.empty(); }
  uint32_t take(size_t count) {
    uint32_t value = 0;
    for (; count > 0 && !rest_.empty(); --count) {
      value = value << 8 | rest_.front();
      rest_ = rest_.subspan(1);
    }
    return value;
  }

 private:
  std::span<const uint8_t> rest_;
};

// Remembers our side of the last conversation, so that inputs can be near it.
class Wire final : public Device {
 public:
  explicit Wire(SkbPool& pool) : pool_(pool) {}
  void transmit(Nanos, SkBuff* skb) override {
    Ipv4Packet packet;
    TcpSegment segment;
    CHECK(parse_ipv4(skb->data(), packet) == WireError::kNone);
    CHECK(parse_tcp(packet.repr.source, packet.repr.destination, packet.payload, segment) ==
          WireError::kNone);
    last = segment.repr;
    pool_.free(skb);
  }
  TcpRepr last;

 private:
  SkbPool& pool_;
};

class Session {
 public:
  explicit Session(Bytes input)
      : input_(input),
        memory_(std::move(
            mm::Memory::create({.size_bytes = size_t{8} << 20, .failures = nullptr}).value())),
        pool_(SkbPool::create(*memory_).value()),
        wire_(pool_),
        stack_(std::move(Stack::create({kUs, {}}, *memory_, pool_, wire_, now_).value())) {}

  void run() {
    listener_ = stack_->listen(80).value();
    for (int steps = 0; !input_.empty() && steps < 2000; ++steps) step();
    stack_.reset();
    CHECK_EQ(pool_.destroy(), 0u);
    CHECK_EQ(memory_->misuses(), 0u);
    CHECK(memory_->close().none());
  }

 private:
  void step() {
    switch (input_.take(1) % 11) {
      case 0:
      case 1:
      case 2:
      case 3:
        send_near();
        break;
      case 4:
        send_raw();
        break;
      case 5:
        now_ += milliseconds(input_.take(2));
        break;
      case 6:
        if (const auto next = stack_->next_deadline()) now_ = std::max(now_, *next);
        break;
      case 7:
        user_call();
        break;
      case 8:
        if (const auto child = stack_->accept(listener_)) current_ = *child;
        break;
      case 10: {
        // Far ahead, up to the end of the clock.
        const Nanos jump(static_cast<int64_t>(input_.take(4)) << (input_.take(1) % 32));
        now_ = jump > Nanos::max() - now_ ? Nanos::max() : now_ + jump;
        break;
      }
      case 9:
        if (const auto opened = stack_->connect(now_, kThem, 9)) current_ = *opened;
        break;
    }
    stack_->advance(now_);
  }

  // A segment that is nearly what the stack waits for.
  void send_near() {
    const TcpRepr repr{
        .source_port = wire_.last.destination_port,
        .destination_port = wire_.last.source_port == 0 ? uint16_t{80} : wire_.last.source_port,
        .seq = wire_.last.ack + offset(),
        .ack = wire_.last.seq + offset(),
        .flags = static_cast<uint8_t>(input_.take(1)),
        .window = static_cast<uint16_t>(input_.take(2)),
        .mss = std::nullopt};
    deliver(repr, input_.take(2) % 1400);
  }
  uint32_t offset() { return static_cast<uint32_t>(static_cast<int8_t>(input_.take(1))) * 100; }

  void deliver(const TcpRepr& repr, size_t length) {
    SkBuff* skb = pool_.alloc();
    if (skb == nullptr) return;
    std::ranges::fill(skb->put(length), std::byte{'f'});
    skb->push(repr.header_bytes());
    emit_tcp(repr, kThem, kUs, skb->data());
    const size_t bytes = skb->length;
    skb->push(kIpv4HeaderBytes);
    emit_ipv4({.source = kThem, .destination = kUs}, bytes, skb->data());
    stack_->input(now_, skb);
  }

  void send_raw() {
    SkBuff* skb = pool_.alloc();
    if (skb == nullptr) return;
    for (size_t left = input_.take(1); left > 0; --left) {
      skb->put(1)[0] = static_cast<std::byte>(input_.take(1));
    }
    stack_->input(now_, skb);
  }

  void user_call() {
    std::byte buffer[2000] = {};
    switch (input_.take(1) % 5) {
      case 0:
        stack_->send(now_, current_, std::span(buffer).first(input_.take(2) % 2000));
        break;
      case 1:
        stack_->receive(now_, current_, std::span(buffer).first(input_.take(2) % 2000));
        break;
      case 2:
        stack_->shutdown(now_, current_);
        break;
      case 3:
        stack_->close(now_, current_);
        break;
      case 4:
        stack_->abort(now_, current_);
        break;
    }
  }

  Bytes input_;
  std::unique_ptr<mm::Memory> memory_;
  SkbPool pool_;
  Wire wire_;
  Nanos now_ = seconds(1);
  std::unique_ptr<Stack> stack_;
  SocketId listener_{};
  SocketId current_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Session(Bytes(data, size)).run();
  return 0;
}
