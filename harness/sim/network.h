#pragma once

// Two hosts and the wire between them, in virtual time: each step jumps to the next thing that
// happens. Deterministic: the same seed and the same calls give the same packets at the same times.
//
// Single-threaded: whoever owns it locks it.

#include <memory>

#include "lib/clock.h"
#include "net/net.h"

namespace ring3::harness {

struct NetworkConfig {
  net::LinkConfig link;  // of either direction
  net::TcpConfig tcp;    // of either host
  uint64_t seed = 0;
};

inline constexpr net::Ipv4Address kClientAddress{0x0a000001};
inline constexpr net::Ipv4Address kServerAddress{0x0a000002};

class Network {
 public:
  // The hosts' sockets and buffers come from `memory`, which outlives the network. Errors as
  // Stack::create() and SkbPool::create() have them.
  static Result<std::unique_ptr<Network>> create(const NetworkConfig& config, mm::Memory& memory);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  net::Stack& client() { return *client_; }
  net::Stack& server() { return *server_; }
  Nanos now() const { return clock_.now(); }

  // Moves time to the next arrival or timer and lets it happen; false when there is none, so that
  // nothing will ever happen unless a host is called.
  bool step();
  // Steps until done() or until the next event lies after `limit`; what done() says in the end.
  template <class Done>
  bool run_until(Done done, Nanos limit) {
    while (!done()) {
      const auto next = next_event();
      if (!next || *next > limit) return false;
      step();
    }
    return true;
  }

  const net::LinkCounters& to_server() const { return to_server_.counters(); }
  const net::LinkCounters& to_client() const { return to_client_.counters(); }

 private:
  Network(const NetworkConfig& config, net::SkbPool pool);
  std::optional<Nanos> next_event() const;

  ManualClock clock_;
  net::SkbPool pool_;
  net::Link to_server_;
  net::Link to_client_;
  std::unique_ptr<net::Stack> client_;
  std::unique_ptr<net::Stack> server_;
};

}  // namespace ring3::harness
