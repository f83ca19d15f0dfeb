#include "harness/sim/network.h"

#include <algorithm>
#include <utility>

namespace ring3::harness {

Result<std::unique_ptr<Network>> Network::create(const NetworkConfig& config, mm::Memory& memory) {
  Result<net::SkbPool> pool = net::SkbPool::create(memory);
  if (!pool) return pool.error();
  std::unique_ptr<Network> network(new Network(config, *pool));
  net::TcpConfig tcp = config.tcp;
  tcp.isn_key = config.seed;
  auto client = net::Stack::create({kClientAddress, tcp}, memory, network->pool_,
                                   network->to_server_, network->now());
  if (!client) return client.error();
  network->client_ = std::move(*client);
  auto server = net::Stack::create({kServerAddress, tcp}, memory, network->pool_,
                                   network->to_client_, network->now());
  if (!server) return server.error();
  network->server_ = std::move(*server);
  return network;
}

Network::Network(const NetworkConfig& config, net::SkbPool pool)
    : pool_(pool),
      to_server_(config.link, pool_, Prng::stream(config.seed, 1)),
      to_client_(config.link, pool_, Prng::stream(config.seed, 2)) {}

Network::~Network() {
  client_.reset();
  server_.reset();
  while (net::SkBuff* skb = to_server_.receive(Nanos::max())) pool_.free(skb);
  while (net::SkBuff* skb = to_client_.receive(Nanos::max())) pool_.free(skb);
  pool_.destroy();
}

std::optional<Nanos> Network::next_event() const {
  std::optional<Nanos> next;
  for (const std::optional<Nanos>& candidate :
       {to_server_.next_arrival(), to_client_.next_arrival(), client_->next_deadline(),
        server_->next_deadline()}) {
    if (candidate && (!next || *candidate < *next)) next = candidate;
  }
  return next;
}

bool Network::step() {
  const auto next = next_event();
  if (!next) return false;
  clock_.advance_to(std::max(*next, clock_.now()));
  if (net::SkBuff* skb = to_server_.receive(now())) {
    server_->input(now(), skb);
  } else if (net::SkBuff* reply = to_client_.receive(now())) {
    client_->input(now(), reply);
  } else {
    client_->advance(now());
    server_->advance(now());
  }
  return true;
}

}  // namespace ring3::harness
