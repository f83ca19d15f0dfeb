// Two stacks over a bad link, many times: what one sends is what the other gets, and in the end
// nothing is left.

#include "harness/sim/network.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <vector>

namespace ring3::harness {
namespace {

namespace data = boost::unit_test::data;
using namespace net;

struct TwoHosts {
  std::unique_ptr<mm::Memory> memory =
      std::move(mm::Memory::create({.size_bytes = size_t{32} << 20}).value());
  // Whatever a test does, nothing may be left when its network is gone.
  ~TwoHosts() {
    BOOST_TEST(memory->misuses() == 0u);
    BOOST_TEST(memory->close().none());
  }
};

std::vector<std::byte> random_bytes(uint64_t seed, size_t count) {
  Prng prng(seed);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(prng.next());
  return bytes;
}

// One end of a connection: sends all of `out`, then a FIN; collects what comes.
class Peer {
 public:
  Peer(Stack& stack, SocketId id, std::vector<std::byte> out)
      : stack_(stack), id_(id), out_(std::move(out)) {}

  void pump(Nanos now) {
    sent_ += stack_.send(now, id_, std::span(out_).subspan(sent_));
    const TcpState state = stack_.status(id_).state;
    const bool connected = state == TcpState::kEstablished || state == TcpState::kCloseWait;
    if (sent_ == out_.size() && !shut_ && connected) {
      stack_.shutdown(now, id_);
      shut_ = true;
    }
    std::byte buffer[4096];
    while (const size_t got = stack_.receive(now, id_, buffer)) {
      in_.insert(in_.end(), buffer, buffer + got);
    }
  }
  bool finished() const {
    const SocketStatus status = stack_.status(id_);
    return shut_ && status.peer_finished && status.readable_bytes == 0;
  }
  SocketStatus status() const { return stack_.status(id_); }
  const std::vector<std::byte>& in() const { return in_; }

 private:
  Stack& stack_;
  SocketId id_;
  std::vector<std::byte> out_;
  std::vector<std::byte> in_;
  size_t sent_ = 0;
  bool shut_ = false;
};

struct Outcome {
  bool whole = false;
  Nanos time{0};
  uint64_t retransmissions = 0;
  uint64_t packets = 0;
};

// A connection that carries `up` and `down` bytes and ends in order.
Outcome exchange(mm::Memory& memory, const NetworkConfig& config, size_t up, size_t down) {
  auto network = std::move(Network::create(config, memory).value());
  const SocketId listener = network->server().listen(80).value();
  const SocketId id = network->client().connect(network->now(), kServerAddress, 80).value();
  const auto upward = random_bytes(config.seed, up);
  const auto downward = random_bytes(~config.seed, down);
  Peer client(network->client(), id, upward);
  std::optional<Peer> server;
  const bool done = network->run_until(
      [&] {
        if (!server) {
          if (const auto accepted = network->server().accept(listener)) {
            server.emplace(network->server(), *accepted, downward);
          }
        }
        client.pump(network->now());
        if (server) server->pump(network->now());
        return server && client.finished() && server->finished();
      },
      seconds(3600));
  network->client().close(network->now(), id);
  Outcome outcome;
  outcome.time = network->now();
  outcome.whole = done && server->in() == upward && client.in() == downward;
  outcome.retransmissions =
      network->client().counters().retrans_segs + network->server().counters().retrans_segs;
  outcome.packets = network->to_server().sent + network->to_client().sent;
  return outcome;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(harness_sim_network, TwoHosts)

BOOST_AUTO_TEST_CASE(a_clean_link_carries_everything_without_retransmission) {
  const Outcome outcome = exchange(*memory, {.link = {}, .tcp = {}, .seed = 1}, 1 << 20, 1 << 18);
  BOOST_TEST(outcome.whole);
  BOOST_TEST(outcome.retransmissions == 0u);
}

BOOST_DATA_TEST_CASE(a_bad_link_loses_doubles_and_reorders_and_nothing_is_missing,
                     data::xrange(250), seed) {
  const NetworkConfig config{.link = {.delay = milliseconds(10),
                                      .jitter = milliseconds(3),
                                      .loss_per_mille = 100,
                                      .duplicate_per_mille = 50,
                                      .reorder_per_mille = 100},
                             .tcp = {.data_retries = 40},
                             .seed = static_cast<uint64_t>(seed)};
  const Outcome outcome = exchange(*memory, config, 40'000, 15'000);
  BOOST_TEST(outcome.whole);
  BOOST_TEST(outcome.retransmissions > 0u);
}

// Buffers, segments, rates and faults of any size (swarm testing): slow at worst.
BOOST_DATA_TEST_CASE(any_configuration_that_is_accepted_works, data::xrange(100), seed) {
  Prng prng(static_cast<uint64_t>(seed));
  const auto per_mille = [&](uint32_t most) {
    return prng.chance(1, 2) ? 0 : static_cast<uint32_t>(prng.between(1, most));
  };
  const NetworkConfig config{
      .link = {.delay = milliseconds(static_cast<int64_t>(prng.between(0, 50))),
               .jitter = milliseconds(static_cast<int64_t>(prng.between(0, 5))),
               .loss_per_mille = per_mille(100),
               .duplicate_per_mille = per_mille(100),
               .reorder_per_mille = per_mille(200),
               .bytes_per_second = prng.chance(1, 2) ? 0 : prng.between(50'000, 1'000'000)},
      .tcp = {.mss = static_cast<uint16_t>(prng.between(kSmallestMss, kLargestMss)),
              .send_buffer_bytes = prng.between(1, 30'000),
              .receive_buffer_bytes = static_cast<uint32_t>(prng.between(100, 65'535)),
              .data_retries = 40,
              .nodelay = prng.chance(1, 2)},
      .seed = static_cast<uint64_t>(seed)};
  const size_t up = prng.between(1, 8000);
  const size_t down = prng.between(1, 8000);
  BOOST_TEST(exchange(*memory, config, up, down).whole);
}

BOOST_AUTO_TEST_CASE(a_seed_replays_a_run) {
  const NetworkConfig config{
      .link = {.loss_per_mille = 100, .reorder_per_mille = 200}, .tcp = {}, .seed = 7};
  const Outcome once = exchange(*memory, config, 100'000, 100'000);
  const Outcome again = exchange(*memory, config, 100'000, 100'000);
  BOOST_CHECK(once.time == again.time);
  BOOST_TEST(once.packets == again.packets);
}

BOOST_AUTO_TEST_CASE(tiny_buffers_only_make_it_slow) {
  const NetworkConfig config{.link = {.loss_per_mille = 50},
                             .tcp = {.send_buffer_bytes = 3000, .receive_buffer_bytes = 2000},
                             .seed = 3};
  BOOST_TEST(exchange(*memory, config, 100'000, 50'000).whole);
}

// Failures begin when the hosts stand, and end after a while.
BOOST_DATA_TEST_CASE(buffers_that_cannot_be_had_only_make_it_slow, data::xrange(20), seed) {
  const NetworkConfig config{
      .link = {}, .tcp = {.data_retries = 40}, .seed = static_cast<uint64_t>(seed)};
  memory->slabs().failslab().arm(
      {.interval = 3, .probability = 50, .space = size_t{64} << 10, .times = 100}, config.seed);
  BOOST_TEST(exchange(*memory, config, 60'000, 60'000).whole);
  BOOST_TEST(memory->slabs().failslab().injected() >= 20u);
}

// Neither reads, both windows are full to the byte, both have said that they are done: each FIN
// has to wait, and neither host may answer the other's answers for ever.
BOOST_AUTO_TEST_CASE(two_hosts_that_close_with_full_windows_stay_quiet) {
  auto network = std::move(
      Network::create({.link = {}, .tcp = {.receive_buffer_bytes = 20'000}, .seed = 1}, *memory)
          .value());
  const SocketId listener = network->server().listen(80).value();
  const SocketId id = network->client().connect(network->now(), kServerAddress, 80).value();
  std::optional<SocketId> child;
  network->run_until(
      [&] {
        child = network->server().accept(listener);
        return child.has_value();
      },
      seconds(10));
  const auto upward = random_bytes(1, 20'000);
  const auto downward = random_bytes(2, 20'000);
  BOOST_TEST(network->client().send(network->now(), id, upward) == upward.size());
  BOOST_TEST(network->server().send(network->now(), *child, downward) == downward.size());
  network->run_until([] { return false; }, seconds(1));
  network->client().shutdown(network->now(), id);
  network->server().shutdown(network->now(), *child);
  network->run_until([] { return false; }, seconds(600));
  // Data, acknowledgements, and probes that back off.
  BOOST_TEST(network->to_server().sent < 60u);
  BOOST_TEST(network->to_client().sent < 60u);

  Peer client(network->client(), id, {});
  Peer server(network->server(), *child, {});
  const bool ended = network->run_until(
      [&] {
        client.pump(network->now());
        server.pump(network->now());
        return network->client().status(id).peer_finished &&
               network->server().status(*child).peer_finished;
      },
      seconds(1200));
  BOOST_TEST(ended);
  BOOST_CHECK(server.in() == upward);
  BOOST_CHECK(client.in() == downward);
}

BOOST_AUTO_TEST_CASE(a_network_with_open_connections_leaves_nothing_behind) {
  auto network = std::move(Network::create({.link = {}, .tcp = {}, .seed = 1}, *memory).value());
  const SocketId listener = network->server().listen(80).value();
  for (int i = 0; i < 10; ++i) {
    const SocketId id = network->client().connect(network->now(), kServerAddress, 80).value();
    network->run_until([] { return false; }, network->now() + milliseconds(i * 7));
    network->client().send(network->now(), id, random_bytes(1, 5000));
  }
  network->server().close(network->now(), listener);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
