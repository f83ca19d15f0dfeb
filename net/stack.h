#pragma once

// One host: an IPv4 address and the TCP sockets that live at it. Sans I/O: packets and time are
// arguments, what it sends goes to a Device, and it says when it wants to be called next. The same
// stack runs in virtual time and, one day, on a real link.
//
// Single-threaded: whoever owns it locks it.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "lib/list.h"
#include "net/dev/device.h"
#include "net/skb/skb.h"
#include "net/tcp/tcp_sock.h"

namespace ring3::net {

struct StackConfig {
  Ipv4Address address;
  TcpConfig tcp;
};

// The name of a socket: never given twice by one stack.
enum class SocketId : uint64_t {};

struct SocketStatus {
  TcpState state = TcpState::kClosed;
  TcpError error = TcpError::kNone;
  size_t readable_bytes = 0;
  size_t writable_bytes = 0;
  bool peer_finished = false;
};

class Stack final : private TcpOutput {
 public:
  // Sockets come from a cache "TCP@<address>" of `memory`, buffers from `pool`. kInvalidArgument
  // when the memory has such a cache already, the address is no host's, or a field of config.tcp is
  // outside its limits. All arguments outlive the stack.
  static Result<std::unique_ptr<Stack>> create(const StackConfig& config, mm::Memory& memory,
                                               SkbPool& pool, Device& device, Nanos now);
  // Drops all sockets without a word to their peers.
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // ---- Sockets. An id is valid until close() or abort(). ----

  // Waits for connections to `port`. kInvalidArgument when somebody does already or the port is 0;
  // kNoResource when there is no memory or max_sockets is reached.
  Result<SocketId> listen(uint16_t port);
  // Starts a connection from a free port. kNoResource as above, or when no port is free;
  // kInvalidArgument for an address that is no other host's (0.0.0.0, broadcast, multicast,
  // loopback, our own) or port 0.
  Result<SocketId> connect(Nanos now, Ipv4Address remote, uint16_t port);
  // The next connection of `listener` that is established; nothing when there is none.
  std::optional<SocketId> accept(SocketId listener);

  size_t send(Nanos now, SocketId id, std::span<const std::byte> data);
  size_t receive(Nanos now, SocketId id, std::span<std::byte> out);
  // No more data from us; the id stays valid for receiving.
  void shutdown(Nanos now, SocketId id);
  void close(Nanos now, SocketId id);
  void abort(Nanos now, SocketId id);
  // kClosed for an id that is not valid.
  SocketStatus status(SocketId id) const;
  // Both ends of a socket; nothing for an id that is not valid.
  std::optional<TcpFlow> flow(SocketId id) const;

  // ---- The network's side. ----

  // A packet from the device, which the stack takes.
  void input(Nanos now, SkBuff* skb);
  // Runs the timers that are due.
  void advance(Nanos now);
  // When advance() should next be called; nothing when no timer runs.
  std::optional<Nanos> next_deadline() const { return timers_.next_expiry(); }

  Ipv4Address address() const { return config_.address; }
  const TcpCounters& counters() const { return counters_; }
  size_t socket_count() const { return sockets_.size(); }

 private:
  // Which list an entry is on: of its listener a child that nobody has accepted, of the stack a
  // connection in TIME-WAIT that no user can name.
  enum class Place : uint8_t { kNone, kHalfOpen, kReady, kTimeWait };
  struct Entry {
    SocketId id{};
    TcpSock* sock = nullptr;
    SocketId listener{};  // of a child that nobody has accepted; 0 else
    Place place = Place::kNone;
    ListNode node;
  };
  // Oldest first.
  struct Queue {
    List<Entry, &Entry::node> entries;
    size_t count = 0;
  };
  // A listener's children.
  struct Children {
    Queue half_open;  // not established yet
    Queue ready;
  };

  Stack(const StackConfig& config, mm::KmemCache* cache, mm::Memory& memory, SkbPool& pool,
        Device& device, Nanos now);

  Result<SocketId> make_socket(const TcpFlow& flow);
  void release(SocketId id);
  void unhash(SocketId id);
  void move_to(Entry& entry, Place place);
  Queue& queue_of(const Entry& entry);
  void drop_children(Nanos now, SocketId listener);
  bool make_room();
  // After an event of the socket: accepts it, takes it off the network or releases it, if that is
  // what came of it.
  void settle(SocketId id);
  Entry* find(SocketId id);
  TcpSock* sock_of(SocketId id);
  uint64_t keyed_hash(Ipv4Address local, uint16_t local_port, Ipv4Address remote,
                      uint16_t remote_port) const;
  TcpSeq initial_sequence(Nanos now, const TcpFlow& flow) const;
  std::optional<uint16_t> free_port(Ipv4Address remote, uint16_t port);
  bool is_host(Ipv4Address address) const;

  void input_listener(Nanos now, SocketId listener, const TcpFlow& flow, const TcpRepr& repr);
  void refuse(Nanos now, const TcpFlow& flow, const TcpRepr& repr, size_t payload_bytes);
  void send_segment(Nanos now, const TcpFlow& flow, const TcpRepr& repr, SkBuff* payload) override;
  void timer_ran(const TcpFlow& flow) override;

  const StackConfig config_;
  mm::Memory& memory_;
  mm::KmemCache* const cache_;
  SkbPool& pool_;
  Device& device_;
  TimerWheel timers_;
  TcpCounters counters_;
  AnswerLimit answers_;
  // Ordered maps: no peer can make them slow by choosing its ports.
  std::map<SocketId, Entry> sockets_;
  // Who gets what comes; listeners with remote 0.0.0.0:0. A socket in CLOSED is not here.
  std::map<TcpFlow, SocketId> flows_;
  std::map<SocketId, Children> children_;  // of each listener
  Queue time_wait_;
  uint64_t last_id_ = 0;
  uint32_t ports_tried_ = 0;
  uint16_t last_identification_ = 0;
};

}  // namespace ring3::net
