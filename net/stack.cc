#include "net/stack.h"

#include <algorithm>
#include <new>
#include <string>

#include "lib/prng.h"

namespace ring3::net {
namespace {

constexpr uint16_t kFirstEphemeralPort = 32768;  // net.ipv4.ip_local_port_range
constexpr uint16_t kLastEphemeralPort = 60999;

TcpFlow listener_flow(Ipv4Address local, uint16_t port) {
  return {.local = local, .local_port = port, .remote = {}, .remote_port = 0};
}

}  // namespace

Result<std::unique_ptr<Stack>> Stack::create(const StackConfig& config, mm::Memory& memory,
                                             SkbPool& pool, Device& device, Nanos now) {
  if (const std::string wrong = what_is_wrong(config.tcp); !wrong.empty()) {
    return Error{Errc::kInvalidArgument, "TcpConfig: " + wrong};
  }
  if (!is_unicast(config.address)) {
    return Error{Errc::kInvalidArgument, "no host has address " + to_string(config.address) +
                                             "; use one that is not 0.0.0.0 and below 224.0.0.0"};
  }
  auto cache = memory.create_cache({.name = "TCP@" + to_string(config.address),
                                    .object_size = sizeof(TcpSock),
                                    .align = alignof(TcpSock),
                                    .how = mm::CacheAlign::kHwcache,
                                    .ctor = nullptr});
  if (!cache) return cache.error();
  return std::unique_ptr<Stack>(new Stack(config, *cache, memory, pool, device, now));
}

Stack::Stack(const StackConfig& config, mm::KmemCache* cache, mm::Memory& memory, SkbPool& pool,
             Device& device, Nanos now)
    : config_(config),
      memory_(memory),
      cache_(cache),
      pool_(pool),
      device_(device),
      timers_(now),
      answers_(config.tcp.challenge_ack_limit, Prng(config.tcp.isn_key)) {}

Stack::~Stack() {
  // The newest first: a listener is older than its children.
  while (!sockets_.empty()) release(sockets_.rbegin()->first);
  memory_.destroy_cache(cache_);
}

// ---- Sockets. ----

// True when one more socket may be made. Connections in TIME-WAIT only keep their numbers from
// being used too early: rather than nobody being able to connect for a minute, the oldest goes.
bool Stack::make_room() {
  if (sockets_.size() < config_.tcp.max_sockets) return true;
  const Entry* oldest = time_wait_.entries.front();
  if (oldest == nullptr) return false;
  release(oldest->id);
  return true;
}

Result<SocketId> Stack::make_socket(const TcpFlow& flow) {
  void* object = make_room() ? cache_->alloc(mm::kGfpKernel) : nullptr;
  if (object == nullptr) {
    ++counters_.no_memory;
    return Error{Errc::kNoResource, "no memory for a socket, or " +
                                        std::to_string(config_.tcp.max_sockets) +
                                        " are open; close some"};
  }
  const TcpContext context{config_.tcp, pool_, timers_, counters_, &answers_};
  const SocketId id{++last_id_};
  Entry& entry = sockets_[id];
  entry.id = id;
  entry.sock = new (object) TcpSock(context, *this, flow);
  flows_.emplace(flow, id);
  return id;
}

void Stack::release(SocketId id) {
  const auto found = sockets_.find(id);
  move_to(found->second, Place::kNone);
  children_.erase(id);
  unhash(id);
  TcpSock* sock = found->second.sock;
  sockets_.erase(found);
  sock->~TcpSock();
  cache_->free(sock);
}

// The queue that an entry is on.
Stack::Queue& Stack::queue_of(const Entry& entry) {
  if (entry.place == Place::kTimeWait) return time_wait_;
  Children& children = children_.at(entry.listener);
  return entry.place == Place::kHalfOpen ? children.half_open : children.ready;
}

void Stack::move_to(Entry& entry, Place place) {
  if (entry.place == place) return;
  if (entry.place != Place::kNone) {
    Queue& from = queue_of(entry);
    from.entries.remove(entry);
    --from.count;
  }
  entry.place = place;
  if (place != Place::kNone) {
    Queue& to = queue_of(entry);
    to.entries.push_back(entry);
    ++to.count;
  }
}

// What comes for its flow from now on is a closed port's, or another socket's.
void Stack::unhash(SocketId id) {
  const auto found = flows_.find(find(id)->sock->flow());
  if (found != flows_.end() && found->second == id) flows_.erase(found);
}

Stack::Entry* Stack::find(SocketId id) {
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : &found->second;
}

// A socket that its user may still name.
TcpSock* Stack::sock_of(SocketId id) {
  Entry* entry = find(id);
  return entry == nullptr || entry->sock->user_gone() ? nullptr : entry->sock;
}

Result<SocketId> Stack::listen(uint16_t port) {
  const TcpFlow flow = listener_flow(config_.address, port);
  if (port == 0 || flows_.contains(flow)) {
    return Error{Errc::kInvalidArgument,
                 "cannot listen on port " + std::to_string(port) +
                     ": it is 0 or somebody listens already; use another from 1 to 65535"};
  }
  Result<SocketId> id = make_socket(flow);
  if (!id) return id;
  children_[*id];
  find(*id)->sock->listen();
  return id;
}

std::optional<uint16_t> Stack::free_port(Ipv4Address remote, uint16_t port) {
  constexpr unsigned kPorts = kLastEphemeralPort - kFirstEphemeralPort + 1;
  // RFC 6056 algorithm 3: for each peer from a place of its own that nobody else knows, upward.
  const uint64_t offset = keyed_hash(config_.address, 0, remote, port) % kPorts;
  for (unsigned tried = 0; tried < kPorts; ++tried) {
    const auto candidate =
        static_cast<uint16_t>(kFirstEphemeralPort + (offset + ports_tried_++) % kPorts);
    if (!flows_.contains({config_.address, candidate, remote, port})) return candidate;
  }
  return std::nullopt;
}

Result<SocketId> Stack::connect(Nanos now, Ipv4Address remote, uint16_t port) {
  if (!is_host(remote) || port == 0) {
    return Error{Errc::kInvalidArgument,
                 "cannot connect to " + to_string(remote) + " port " + std::to_string(port) +
                     ": use the address of another host, and a port from 1 to 65535"};
  }
  const auto local_port = free_port(remote, port);
  if (!local_port) {
    return Error{Errc::kNoResource,
                 "all ports are in use for connections to that peer; close some"};
  }
  const TcpFlow flow{config_.address, *local_port, remote, port};
  Result<SocketId> id = make_socket(flow);
  if (!id) return id;
  find(*id)->sock->connect(now, initial_sequence(now, flow));
  settle(*id);
  return id;
}

uint64_t Stack::keyed_hash(Ipv4Address local, uint16_t local_port, Ipv4Address remote,
                           uint16_t remote_port) const {
  uint64_t state = config_.tcp.isn_key;
  for (const uint64_t part :
       {uint64_t{local.value} << 32 | remote.value, uint64_t{local_port} << 16 | remote_port}) {
    state ^= part;
    state = splitmix64(state);
  }
  return state;
}

// RFC 6528: a clock of 4 microseconds, and for each connection its own secret start.
TcpSeq Stack::initial_sequence(Nanos now, const TcpFlow& flow) const {
  const uint64_t start = keyed_hash(flow.local, flow.local_port, flow.remote, flow.remote_port);
  return TcpSeq(static_cast<uint32_t>(start + static_cast<uint64_t>(now / microseconds(4))));
}

// One other host, as far as its address can tell.
bool Stack::is_host(Ipv4Address address) const {
  const bool reachable = is_loopback(address) == is_loopback(config_.address);
  return is_unicast(address) && reachable && address != config_.address;
}

std::optional<SocketId> Stack::accept(SocketId listener) {
  const auto found = children_.find(listener);
  if (found == children_.end()) return std::nullopt;
  Entry* child = found->second.ready.entries.front();
  if (child == nullptr) return std::nullopt;
  move_to(*child, Place::kNone);
  child->listener = SocketId{};
  return child->id;
}

size_t Stack::send(Nanos now, SocketId id, std::span<const std::byte> data) {
  TcpSock* sock = sock_of(id);
  return sock == nullptr ? 0 : sock->send(now, data);
}

size_t Stack::receive(Nanos now, SocketId id, std::span<std::byte> out) {
  TcpSock* sock = sock_of(id);
  return sock == nullptr ? 0 : sock->receive(now, out);
}

void Stack::shutdown(Nanos now, SocketId id) {
  TcpSock* sock = sock_of(id);
  if (sock == nullptr) return;
  sock->shutdown(now);
  settle(id);
}

void Stack::close(Nanos now, SocketId id) {
  TcpSock* sock = sock_of(id);
  if (sock == nullptr) return;
  drop_children(now, id);
  sock->close(now);
  settle(id);
}

// A listener takes its children that nobody has accepted with it.
void Stack::drop_children(Nanos now, SocketId listener) {
  const auto found = children_.find(listener);
  if (found == children_.end()) return;
  for (Queue* queue : {&found->second.half_open, &found->second.ready}) {
    while (Entry* child = queue->entries.front()) {
      child->sock->abort(now);
      release(child->id);
    }
  }
}

void Stack::abort(Nanos now, SocketId id) {
  TcpSock* sock = sock_of(id);
  if (sock == nullptr) return;
  drop_children(now, id);
  sock->abort(now);
  sock->close(now);
  settle(id);
}

SocketStatus Stack::status(SocketId id) const {
  const auto found = sockets_.find(id);
  if (found == sockets_.end()) return {};
  const TcpSock& sock = *found->second.sock;
  return {.state = sock.state(),
          .error = sock.error(),
          .readable_bytes = sock.readable_bytes(),
          .writable_bytes = sock.writable_bytes(),
          .peer_finished = sock.peer_finished()};
}

std::optional<TcpFlow> Stack::flow(SocketId id) const {
  const auto found = sockets_.find(id);
  if (found == sockets_.end()) return std::nullopt;
  return found->second.sock->flow();
}

void Stack::settle(SocketId id) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  const TcpState state = entry->sock->state();
  const bool is_child = entry->listener != SocketId{};
  if (state == TcpState::kClosed && (entry->sock->user_gone() || is_child)) {
    release(id);
    return;
  }
  if (state == TcpState::kClosed) unhash(id);
  if (is_child && state != TcpState::kSynReceived) {
    move_to(*entry, Place::kReady);
  } else if (state == TcpState::kTimeWait && entry->sock->user_gone()) {
    move_to(*entry, Place::kTimeWait);
  }
}

// ---- The network's side. ----

void Stack::advance(Nanos now) { timers_.advance(now); }

void Stack::timer_ran(const TcpFlow& flow) { settle(flows_.at(flow)); }

void Stack::input(Nanos now, SkBuff* skb) {
  Ipv4Packet packet;
  TcpSegment segment;
  const bool good = parse_ipv4(skb->data(), packet) == WireError::kNone &&
                    packet.repr.destination == config_.address && is_host(packet.repr.source) &&
                    parse_tcp(packet.repr.source, packet.repr.destination, packet.payload,
                              segment) == WireError::kNone;
  if (!good) {
    ++counters_.in_errs;
    pool_.free(skb);
    return;
  }
  ++counters_.in_segs;
  // From here on the buffer holds the payload only.
  skb->pull(static_cast<size_t>(segment.payload.data() - skb->data().data()));
  skb->trim(segment.payload.size());

  const TcpRepr& repr = segment.repr;
  const TcpFlow flow{config_.address, repr.destination_port, packet.repr.source, repr.source_port};
  if (const auto found = flows_.find(flow); found != flows_.end()) {
    const SocketId id = found->second;
    find(id)->sock->input(now, repr, skb);
    settle(id);
    return;
  }
  const auto listener = flows_.find(listener_flow(config_.address, repr.destination_port));
  if (listener != flows_.end()) {
    input_listener(now, listener->second, flow, repr);
  } else {
    refuse(now, flow, repr, skb->length);
  }
  pool_.free(skb);
}

// LISTEN (RFC 9293 3.10.7.2): a SYN makes a child, unless too many wait to be accepted; a lost SYN
// comes again. Of those that are not established the oldest makes room, so that somebody who only
// sends SYNs cannot keep others out for as long as a handshake may take.
void Stack::input_listener(Nanos now, SocketId listener, const TcpFlow& flow, const TcpRepr& repr) {
  if (repr.has(kRst)) return;
  if (repr.has(kAck)) {
    refuse(now, flow, repr, 0);
    return;
  }
  if (!repr.has(kSyn)) return;
  Children& children = children_.at(listener);
  if (children.ready.count >= config_.tcp.backlog) return;
  if (children.half_open.count >= config_.tcp.backlog) {
    release(children.half_open.entries.front()->id);
  }
  const Result<SocketId> child = make_socket(flow);
  if (!child) return;
  Entry* entry = find(*child);
  entry->listener = listener;
  move_to(*entry, Place::kHalfOpen);
  entry->sock->accept_syn(now, initial_sequence(now, flow), repr);
  settle(*child);
}

// CLOSED (3.10.7.1): whatever is not a reset gets one, which the peer will find acceptable.
void Stack::refuse(Nanos now, const TcpFlow& flow, const TcpRepr& repr, size_t payload_bytes) {
  if (repr.has(kRst)) return;
  ++counters_.out_rsts;
  TcpRepr reset{.source_port = flow.local_port,
                .destination_port = flow.remote_port,
                .seq = repr.has(kAck) ? repr.ack : TcpSeq(0),
                .ack = {},
                .flags = kRst,
                .window = 0,
                .mss = std::nullopt};
  if (!repr.has(kAck)) {
    reset.flags |= kAck;
    reset.ack = repr.seq + tcp_seq_length(repr.flags, payload_bytes);
  }
  send_segment(now, flow, reset, nullptr);
}

void Stack::send_segment(Nanos now, const TcpFlow& flow, const TcpRepr& repr, SkBuff* payload) {
  SkBuff* skb = payload != nullptr ? payload : pool_.alloc();
  if (skb == nullptr) {
    ++counters_.no_memory;
    return;
  }
  ++counters_.out_segs;
  skb->push(repr.header_bytes());
  emit_tcp(repr, flow.local, flow.remote, skb->data());
  const size_t segment_bytes = skb->length;
  const Ipv4Repr header{
      .source = flow.local, .destination = flow.remote, .identification = ++last_identification_};
  skb->push(kIpv4HeaderBytes);
  emit_ipv4(header, segment_bytes, skb->data());
  device_.transmit(now, skb);
}

}  // namespace ring3::net
