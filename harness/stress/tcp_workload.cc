#include "harness/stress/tcp_workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "harness/sim/network.h"

namespace ring3::harness {
namespace {

using net::SocketId;
using net::Stack;

constexpr lockdep::LockClassKey kNetworkKey{"tcp->network"};
constexpr uint16_t kPort = 80;
constexpr uint64_t kLongestMessage = 16 << 10;
constexpr uint64_t kMessagesAConnection = 32;
// Longer than any series of losses takes that TCP survives.
constexpr Nanos kPatience = seconds(3600);

constexpr net::LinkConfig kLink{.delay = milliseconds(5),
                                .jitter = milliseconds(1),
                                .loss_per_mille = 10,
                                .duplicate_per_mille = 5,
                                .reorder_per_mille = 20};

// Both ends of an established connection, and how many messages it still has to carry.
struct Connection {
  SocketId client{};
  SocketId server{};
  uint64_t messages_left = 0;
};

class TcpWorkload final : public Workload {
 public:
  TcpWorkload(Machine& machine, std::unique_ptr<Network> network)
      : machine_(machine), lock_(&machine.lockdep(), kNetworkKey), network_(std::move(network)) {
    lockdep::MutexGuard guard(lock_);
    listener_ = network_->server().listen(kPort).value();
  }

  std::unique_ptr<Worker> make_worker(Prng prng, WorkerStats& stats) override;

  void finish(WorkerStats& stats) override EXCLUDES(lock_) {
    lockdep::MutexGuard guard(lock_);
    for (const Connection& connection : estate_) close_locked(connection);
    estate_.clear();
    network_->server().close(network_->now(), listener_);
    // Every connection ends in order, TIME-WAIT included.
    const bool quiet = network_->run_until(
        [this]() NO_THREAD_SAFETY_ANALYSIS {
          return network_->client().socket_count() + network_->server().socket_count() == 0;
        },
        network_->now() + kPatience);
    if (quiet) {
      ++stats.verified;
    } else {
      stats.error("TCP connections did not end within an hour of virtual time");
    }
    machine_.add_tcp_retransmits(network_->client().counters().retrans_segs +
                                 network_->server().counters().retrans_segs);
    network_.reset();
  }

 private:
  class Talker;

  void close_locked(const Connection& connection) REQUIRES(lock_) {
    network_->client().close(network_->now(), connection.client);
    network_->server().close(network_->now(), connection.server);
  }
  // Allocations that failed in either stack: then a broken connection is nobody's error.
  uint64_t no_memory_locked() const REQUIRES(lock_) {
    return network_->client().counters().no_memory + network_->server().counters().no_memory;
  }

  Machine& machine_;
  lockdep::Mutex lock_;
  std::unique_ptr<Network> network_ GUARDED_BY(lock_);
  SocketId listener_ GUARDED_BY(lock_){};
  std::vector<Connection> estate_ GUARDED_BY(lock_);  // of workers that have retired
};

class TcpWorkload::Talker final : public Worker {
 public:
  Talker(TcpWorkload& workload, Prng prng, WorkerStats& stats)
      : workload_(workload), prng_(prng), stats_(stats) {
    lockdep::MutexGuard guard(workload_.lock_);
    if (workload_.estate_.empty()) return;
    connection_ = workload_.estate_.back();
    workload_.estate_.pop_back();
  }

  // One message, in either direction, on a connection that lasts for some of them.
  void operate() override {
    lockdep::MutexGuard guard(workload_.lock_);
    const uint64_t no_memory = workload_.no_memory_locked();
    if (connection_.messages_left == 0 && !connect_locked()) {
      give_up_locked(no_memory, "a TCP connection could not be opened");
      return;
    }
    const uint64_t length = prng_.between(1, kLongestMessage);
    const bool upward = prng_.chance(1, 2);
    switch (exchange_locked(upward, length)) {
      case Exchange::kWhole:
        ++stats_.verified;
        break;
      case Exchange::kCorrupt:
        stats_.error(fmt::format("{} bytes over TCP arrived changed", length));
        break;
      case Exchange::kStuck:
        give_up_locked(no_memory, "a TCP message did not arrive within an hour of virtual time");
        return;
    }
    if (--connection_.messages_left == 0) workload_.close_locked(connection_);
  }

  void retire() override {
    if (connection_.messages_left == 0) return;
    lockdep::MutexGuard guard(workload_.lock_);
    workload_.estate_.push_back(connection_);
  }

 private:
  enum class Exchange { kWhole, kCorrupt, kStuck };

  bool connect_locked() REQUIRES(workload_.lock_) {
    Network& network = *workload_.network_;
    const auto client = network.client().connect(network.now(), kServerAddress, kPort);
    if (!client) return false;
    connection_.client = *client;
    const uint16_t port = network.client().flow(*client)->local_port;
    const bool accepted = network.run_until(
        [&]() NO_THREAD_SAFETY_ANALYSIS {
          while (const auto child = network.server().accept(workload_.listener_)) {
            if (network.server().flow(*child)->remote_port == port) {
              connection_.server = *child;
              return true;
            }
            // Of a connection that its worker has given up.
            network.server().abort(network.now(), *child);
          }
          return false;
        },
        network.now() + kPatience);
    connection_.messages_left = accepted ? kMessagesAConnection : 0;
    if (!accepted) network.client().abort(network.now(), *client);
    return accepted;
  }

  void give_up_locked(uint64_t no_memory_before, const char* what) REQUIRES(workload_.lock_) {
    Network& network = *workload_.network_;
    network.client().abort(network.now(), connection_.client);
    network.server().abort(network.now(), connection_.server);
    connection_ = {};
    if (workload_.no_memory_locked() != no_memory_before) {
      ++stats_.failures;
    } else {
      stats_.error(what);
    }
  }

  Exchange exchange_locked(bool upward, uint64_t length) REQUIRES(workload_.lock_) {
    Network& network = *workload_.network_;
    Stack& sender = upward ? network.client() : network.server();
    Stack& receiver = upward ? network.server() : network.client();
    const SocketId from = upward ? connection_.client : connection_.server;
    const SocketId to = upward ? connection_.server : connection_.client;

    message_.resize(length);
    for (std::byte& byte : message_) byte = static_cast<std::byte>(prng_.next());
    received_.resize(length);
    size_t sent = 0;
    size_t got = 0;
    const bool arrived = network.run_until(
        [&] {
          sent += sender.send(network.now(), from, std::span(message_).subspan(sent));
          got += receiver.receive(network.now(), to, std::span(received_).subspan(got));
          return got == length || sender.status(from).state == net::TcpState::kClosed;
        },
        network.now() + kPatience);
    if (!arrived || got != length) return Exchange::kStuck;
    return message_ == received_ ? Exchange::kWhole : Exchange::kCorrupt;
  }

  TcpWorkload& workload_;
  Prng prng_;
  WorkerStats& stats_;
  Connection connection_;
  std::vector<std::byte> message_;
  std::vector<std::byte> received_;
};

std::unique_ptr<Worker> TcpWorkload::make_worker(Prng prng, WorkerStats& stats) {
  return std::make_unique<Talker>(*this, prng, stats);
}

}  // namespace

Result<std::unique_ptr<Workload>> make_tcp_workload(Machine& machine, uint64_t seed) {
  auto network = Network::create({.link = kLink, .tcp = {}, .seed = seed}, machine.memory());
  if (!network) return network.error();
  return std::unique_ptr<Workload>(std::make_unique<TcpWorkload>(machine, std::move(*network)));
}

}  // namespace ring3::harness
