// TCP between two hosts. Tasks send, receive and close; packets and timers come as softirqs of each
// host's CPU, at any step. Time goes on only where a scenario says so, to a host's next timer: a
// packet may be as late, and a timer as early, as the scheduler likes.

#include <fmt/format.h>

#include <array>
#include <deque>
#include <optional>

#include "harness/hunt/all_targets.h"
#include "harness/hunt/report_trap.h"
#include "lib/clock.h"
#include "lib/cpu/futex.h"
#include "lockdep/lockdep.h"
#include "mm/mm.h"
#include "net/net.h"

namespace ring3::harness {
namespace {

// End 2 * c + side is one of connection c: side 0 has opened it, side 1 accepted.
constexpr uint32_t kSides = 2;
constexpr uint32_t kConnections = 2;
constexpr uint32_t kEnds = kSides * kConnections;
constexpr uint32_t kMostBytes = 2000;

enum Kind : uint32_t {
  kSend,
  kReceive,
  kShutdown,
  kAbort,
  kExpire,
  kLose,
  kDouble,
  kDelay,
  kAwait
};
constexpr OpInfo kOps[] = {{"send", 2, {kEnds, kMostBytes}}, {"receive", 1, {kEnds}},
                           {"shutdown", 1, {kEnds}},         {"abort", 1, {kEnds}},
                           {"expire", 1, {kSides}},          {"lose", 1, {kSides}},
                           {"double", 1, {kSides}},          {"delay", 1, {kSides}},
                           {"await", 2, {kEnds, kMostBytes}}};
// Awaiting what nobody sends is a mistake of the scenario.
constexpr uint32_t kWeights[] = {8, 4, 1, 1, 4, 2, 1, 2, 0};

constexpr std::string_view kNamed[] = {
    // A timer is set again while it expires.
    "cpus 2\ntask 0\nsend 0 100\nexpire 0\nsend 0 100\ntask 1\nreceive 1\n",
    // The retransmission of what was lost, against the acknowledgement of what came after it.
    "cpus 2\ntask 0\nsend 0 100\nsend 0 100\ntask 1\nlose 1\nexpire 0\n",
    // Who sleeps until data comes is woken, whatever comes when.
    "cpus 2\ntask 0\nsend 0 1998\nsend 0 1\ntask 1\nawait 1 1500\nawait 1 1999\n",
    "cpus 2\ntask 0\nsend 0 10\nawait 0 10\ntask 1\nawait 1 10\nsend 1 10\n",
    // Both ends close at once.
    "cpus 2\ntask 0\nsend 0 10\nshutdown 0\ntask 1\nsend 1 10\nshutdown 1\n",
    // A connection ends while its timer expires.
    "cpus 2\ntask 0\nsend 0 100\nabort 0\ntask 1\nexpire 0\nreceive 1\n",
};

constexpr size_t kArenaBytes = mm::kArenaGranule;
constexpr uint16_t kPort = 80;
constexpr std::array<net::Ipv4Address, kSides> kAddresses{{{0x0a000001}, {0x0a000002}}};
// Small segments leave at once: an acknowledgement that waits for its timer is no lost wake-up.
constexpr net::TcpConfig kTcp{.nodelay = true};
// Events that ending in order takes at most.
constexpr int kPatience = 10'000;

constexpr lockdep::LockClassKey kHostKey{"tcp->host"};

// The bytes of one direction of a connection.
struct Stream {
  uint32_t number = 0;
  uint64_t sent = 0;
  uint64_t received = 0;
  std::byte at(uint64_t offset) const {
    return static_cast<std::byte>((offset * kEnds + number) * 0x9e3779b97f4a7c15 >> 56);
  }
};

// One host, with its lock, its two softirqs and the packets that are on the way to it.
class Host final : private net::Device {
 public:
  Host(World& world, uint32_t side, mm::Memory& memory, net::SkbPool& pool, ManualClock& clock)
      : world_(world),
        pool_(pool),
        clock_(clock),
        stack_(std::move(net::Stack::create({.address = kAddresses[side], .tcp = kTcp}, memory,
                                            pool, *this, clock.now())
                             .value())) {}
  ~Host() {
    stack_.reset();
    while (!inbox_.empty()) lose();
  }

  void connect_wire(Host& peer) { peer_ = &peer; }
  void add_softirqs(uint32_t side, unsigned cpu) {
    packet_irq_ = world_.add_interrupt(fmt::format("packet{}", side), cpu, Context::kSoftirq,
                                       [this] { take_packet(); });
    timer_irq_ = world_.add_interrupt(fmt::format("timer{}", side), cpu, Context::kSoftirq,
                                      [this] { run_timers(); });
  }

  void remove_softirqs() { packet_irq_.reset(); }

  // Calls `call` with the stack, whose lock is held, and the time.
  template <class Call>
  auto with_stack(Call call) EXCLUDES(lock_) {
    lockdep::SpinlockGuard guard(lock_);
    const Moment moment(*this);
    return call(*stack_, clock_.now());
  }

  // ---- What happens to a host. ----

  // The oldest packet on the way arrives; false when there is none.
  bool take_packet() {
    if (inbox_.empty()) return false;
    net::SkBuff* skb = inbox_.front();
    inbox_.pop_front();
    with_stack([skb](net::Stack& stack, Nanos now) { stack.input(now, skb); });
    wake();
    if (!inbox_.empty() && packet_irq_) world_.raise(*packet_irq_);
    return true;
  }
  void run_timers() {
    with_stack([](net::Stack& stack, Nanos now) { stack.advance(now); });
    wake();
  }

  // Time goes on to the next timer, which expires soon.
  void expire() {
    const auto deadline =
        with_stack([](net::Stack& stack, Nanos) { return stack.next_deadline(); });
    if (!deadline) return;
    clock_.advance_to(std::max(*deadline, clock_.now()));
    world_.raise(*timer_irq_);
  }
  void lose() {
    if (inbox_.empty()) return;
    net::SkBuff* skb = inbox_.front();
    inbox_.pop_front();
    pool_.free(skb);
  }
  void double_packet() {
    if (inbox_.empty()) return;
    // Nobody else takes it meanwhile.
    net::SkBuff* skb = inbox_.front();
    inbox_.pop_front();
    if (net::SkBuff* copy = pool_.clone(*skb)) arrives_later(copy);
    arrives_later(skb);
  }
  void delay() {
    if (inbox_.size() < 2) return;
    inbox_.push_back(inbox_.front());
    inbox_.pop_front();
  }

  // ---- Sleeping until something has happened. ----

  uint32_t events() const { return events_.load(std::memory_order_acquire); }
  void wait_for_event(uint32_t seen) { futex_wait(events_, seen); }

 private:
  // What the last holder of the lock did is ordered before what this one does.
  class Moment {
   public:
    explicit Moment(Host& host) : host_(host) {
      if (!host_.world_.inside()) return;
      if (host_.last_ && !host_.world_.ordered_after(*host_.last_)) {
        host_.world_.fail("inside before the last holder's writes are visible");
      }
      if (std::exchange(host_.busy_, true)) host_.world_.fail("two are inside one stack");
    }
    ~Moment() {
      if (!host_.world_.inside()) return;
      host_.busy_ = false;
      host_.last_ = host_.world_.stamp();
    }

   private:
    Host& host_;
  };

  void transmit(Nanos, net::SkBuff* skb) override { peer_->arrives_later(skb); }
  void arrives_later(net::SkBuff* skb) {
    inbox_.push_back(skb);
    if (packet_irq_) world_.raise(*packet_irq_);
  }
  void wake() {
    events_.fetch_add(1, std::memory_order_release);
    futex_wake(events_, INT32_MAX);
  }

  World& world_;
  net::SkbPool& pool_;
  ManualClock& clock_;  // the wire's, and the simulation's: one step changes it
  Host* peer_ = nullptr;
  std::deque<net::SkBuff*> inbox_;  // the wire's too
  std::optional<uint32_t> packet_irq_;
  std::optional<uint32_t> timer_irq_;
  Atomic<uint32_t> events_{0};

  lockdep::Spinlock lock_{nullptr, kHostKey};
  std::unique_ptr<net::Stack> stack_ GUARDED_BY(lock_);
  std::optional<Stamp> last_;
  bool busy_ = false;
};

class TcpTarget final : public Target {
 public:
  TcpTarget(World& world, const Scenario& scenario)
      : topology_(std::move(Topology::simulated(scenario.cpus, 1).value())),
        memory_(std::move(mm::Memory::create({.size_bytes = kArenaBytes,
                                              .lockdep = nullptr,
                                              .reports = &trap_,
                                              .topology = &topology_})
                              .value())),
        pool_(net::SkbPool::create(*memory_).value()) {
    for (uint32_t side = 0; side < kSides; ++side) {
      hosts_[side] = std::make_unique<Host>(world, side, *memory_, pool_, clock_);
    }
    hosts_[0]->connect_wire(*hosts_[1]);
    hosts_[1]->connect_wire(*hosts_[0]);
    for (uint32_t end = 0; end < kEnds; ++end) streams_[end].number = end;
    establish(world);
    for (uint32_t side = 0; side < kSides; ++side) {
      hosts_[side]->add_softirqs(side, side % scenario.cpus);
    }
  }

  void run(World& world, uint32_t, const Op& op) override {
    const uint32_t number = op.numbers[0];
    Host& host = *hosts_[number % kSides];
    switch (op.kind) {
      case kSend:
        send(number, op.numbers[1]);
        break;
      case kReceive:
        receive(world, number);
        break;
      case kShutdown:
        host.with_stack(
            [&](net::Stack& stack, Nanos now) { stack.shutdown(now, sockets_[number]); });
        break;
      case kAbort:
        broken_[number / kSides] = true;
        host.with_stack([&](net::Stack& stack, Nanos now) { stack.abort(now, sockets_[number]); });
        break;
      case kExpire:
        host.expire();
        break;
      case kLose:
        host.lose();
        break;
      case kDouble:
        host.double_packet();
        break;
      case kDelay:
        host.delay();
        break;
      case kAwait:
        await(world, number, op.numbers[1]);
        break;
    }
  }

  void finish(World& world) override {
    // From here on packets come when they are taken.
    world.synchronize_irqs();
    for (auto& host : hosts_) host->remove_softirqs();
    const auto all_arrived = [&] {
      bool all = true;
      for (uint32_t end = 0; end < kEnds; ++end) {
        receive(world, end);
        all &= broken_[end / kSides] || sent_to(end).received == sent_to(end).sent;
      }
      return all;
    };
    if (!drive(all_arrived)) world.fail("bytes that were sent never arrive");
    for (uint32_t end = 0; end < kEnds; ++end) {
      if (!broken_[end / kSides] && error_of(end) != net::TcpError::kNone) {
        world.fail("a connection broke that nobody broke");
      }
    }
    close_all();
    const auto all_gone = [&] { return sockets_left() == 0; };
    if (!drive(all_gone)) world.fail("connections do not end");
    for (auto& host : hosts_) {
      host->with_stack([&](net::Stack& stack, Nanos) {
        if (stack.next_deadline()) world.fail("the timer of a socket that is gone still runs");
        if (stack.counters().in_errs != 0) world.fail("packets are damaged");
        if (stack.counters().no_memory != 0)
          world.fail("an allocation failed though memory is free");
      });
      host.reset();
    }
    if (pool_.destroy() != 0) world.fail("packet buffers are lost");
    if (trap_.count() != 0) world.fail("reported without a mistake: " + trap_.first());
    if (memory_->count_faults() != 0) world.fail("slabs or free lists are broken");
    if (!memory_->close().none()) world.fail("memory is lost");
  }

 private:
  Host& host_of(uint32_t end) { return *hosts_[end % kSides]; }
  // What comes to an end is what the other end of its connection has sent.
  Stream& sent_to(uint32_t end) { return streams_[end ^ 1]; }

  // The connections, before the world runs.
  void establish(World& world) {
    net::SocketId listener{};
    hosts_[1]->with_stack(
        [&](net::Stack& stack, Nanos) { listener = stack.listen(kPort).value(); });
    listener_ = listener;
    for (uint32_t c = 0; c < kConnections; ++c) {
      hosts_[0]->with_stack([&](net::Stack& stack, Nanos now) {
        sockets_[kSides * c] = stack.connect(now, kAddresses[1], kPort).value();
      });
      std::optional<net::SocketId> child;
      const auto accepted = [&] {
        hosts_[1]->with_stack([&](net::Stack& stack, Nanos) { child = stack.accept(listener_); });
        return child.has_value();
      };
      if (!drive(accepted)) world.fail("a connection is not established");
      sockets_[kSides * c + 1] = *child;
    }
  }

  // Lets everything happen in its order until done(); false when that takes for ever.
  template <class Done>
  bool drive(Done done) {
    for (int i = 0; i < kPatience; ++i) {
      if (done()) return true;
      if (hosts_[0]->take_packet() || hosts_[1]->take_packet()) continue;
      std::optional<Nanos> next;
      for (auto& host : hosts_) {
        const auto deadline =
            host->with_stack([](net::Stack& stack, Nanos) { return stack.next_deadline(); });
        if (deadline && (!next || *deadline < *next)) next = deadline;
      }
      if (!next) return done();
      clock_.advance_to(std::max(*next, clock_.now()));
      for (auto& host : hosts_) host->run_timers();
    }
    return false;
  }

  void send(uint32_t end, uint64_t bytes) {
    host_of(end).with_stack([&](net::Stack& stack, Nanos now) {
      Stream& stream = streams_[end];
      std::array<std::byte, kMostBytes> data;
      for (uint64_t i = 0; i < bytes; ++i) data[i] = stream.at(stream.sent + i);
      // They may come before the call returns.
      stream.sent += bytes;
      stream.sent -= bytes - stack.send(now, sockets_[end], std::span(data).first(bytes));
    });
  }

  void receive(World& world, uint32_t end) {
    std::array<std::byte, kMostBytes> data;
    host_of(end).with_stack([&](net::Stack& stack, Nanos now) {
      Stream& stream = sent_to(end);
      while (const size_t got = stack.receive(now, sockets_[end], data)) {
        if (stream.received + got > stream.sent) world.fail("bytes come that nobody sent");
        for (size_t i = 0; i < got; ++i) {
          if (data[i] != stream.at(stream.received + i)) world.fail("bytes arrive changed");
        }
        stream.received += got;
      }
    });
  }

  // Sleeps until `bytes` have come in all.
  void await(World& world, uint32_t end, uint64_t bytes) {
    Host& host = host_of(end);
    for (;;) {
      const uint32_t seen = host.events();
      receive(world, end);
      if (sent_to(end).received >= bytes) return;
      host.wait_for_event(seen);
    }
  }

  net::TcpError error_of(uint32_t end) {
    return host_of(end).with_stack(
        [&](net::Stack& stack, Nanos) { return stack.status(sockets_[end]).error; });
  }
  void close_all() {
    for (uint32_t end = 0; end < kEnds; ++end) {
      host_of(end).with_stack(
          [&](net::Stack& stack, Nanos now) { stack.close(now, sockets_[end]); });
    }
    hosts_[1]->with_stack([&](net::Stack& stack, Nanos now) { stack.close(now, listener_); });
  }
  size_t sockets_left() {
    size_t left = 0;
    for (auto& host : hosts_) {
      left += host->with_stack([](net::Stack& stack, Nanos) { return stack.socket_count(); });
    }
    return left;
  }

  const Topology topology_;
  ReportTrap trap_;
  const std::unique_ptr<mm::Memory> memory_;
  net::SkbPool pool_;
  ManualClock clock_;
  std::array<std::unique_ptr<Host>, kSides> hosts_;
  net::SocketId listener_{};
  std::array<net::SocketId, kEnds> sockets_{};
  std::array<Stream, kEnds> streams_{};
  std::array<bool, kConnections> broken_{};  // by an abort
};

}  // namespace

constinit const TargetInfo kTcpTarget{
    .name = "tcp",
    .about = "TCP: packets and timers as softirqs, losses, closes, sleepers",
    .ops = kOps,
    .weights = kWeights,
    .named = kNamed,
    .make = [](World& world, const Scenario& scenario) -> std::unique_ptr<Target> {
      return std::make_unique<TcpTarget>(world, scenario);
    }};

}  // namespace ring3::harness
