#include "net/stack.h"

#include <algorithm>
#include <new>
#include <string>

#include "lib/prng.h"

namespace ring3::net {
namespace {

constexpr uint16_t kFirstEphemeralPort = 32768;  // net.ipv4.ip_local_port_range
constexpr uint16_t kLastEphemeralPort = 60999;

std::string cache_name(Ipv4Address address) {
  std::string name = "TCP@";
  for (int shift = 24; shift >= 0; shift -= 8) {
    name += std::to_string(address.value >> shift & 0xff);
    if (shift != 0) name += '.';
  }
  return name;
}

TcpFlow listener_flow(Ipv4Address local, uint16_t port) {
  return {.local = local, .local_port = port, .remote = {}, .remote_port = 0};
}

static_assert(kIpv4HeaderBytes + kTcpHeaderBytes + kLargestMss == kMtuBytes,
              "the largest segment fills a packet");

// What is wrong with `config` and which values are right; null when nothing is.
const char* what_cannot_work(const TcpConfig& config) {
  if (config.mss < kSmallestMss || config.mss > kLargestMss) {
    return "mss must be 88 to 1460, for headers and data to fit a packet of 1500 bytes";
  }
  if (config.send_buffer_bytes == 0 || config.receive_buffer_bytes == 0) {
    return "send_buffer_bytes and receive_buffer_bytes must be at least 1";
  }
  if (config.rto_min < TimerWheel::kTick || config.rto_min > config.rto_max) {
    return "rto_min must be a millisecond at least, and not above rto_max";
  }
  return nullptr;
}

}  // namespace

Result<std::unique_ptr<Stack>> Stack::create(const StackConfig& config, mm::Memory& memory,
                                             SkbPool& pool, Device& device, Nanos now) {
  if (const char* wrong = what_cannot_work(config.tcp)) {
    return Error{Errc::kInvalidArgument, std::string("TcpConfig: ") + wrong};
  }
  auto cache = memory.create_cache({.name = cache_name(config.address),
                                    .object_size = sizeof(TcpSock),
                                    .align = alignof(TcpSock),
                                    .how = mm::CacheAlign::kHwcache,
                                    .ctor = nullptr});
  if (!cache) return cache.error();
  return std::unique_ptr<Stack>(new Stack(config, *cache, memory, pool, device, now));
}

Stack::Stack(const StackConfig& config, mm::KmemCache* cache, mm::Memory& memory, SkbPool& pool,
             Device& device, Nanos now)
    : config_(config), memory_(memory), cache_(cache), pool_(pool), device_(device), timers_(now) {}

Stack::~Stack() {
  while (!sockets_.empty()) release(sockets_.begin()->first);
  memory_.destroy_cache(cache_);
}

// ---- Sockets. ----

Result<SocketId> Stack::make_socket(const TcpFlow& flow) {
  void* object =
      sockets_.size() < config_.tcp.max_sockets ? cache_->alloc(mm::kGfpKernel) : nullptr;
  if (object == nullptr) {
    ++counters_.no_memory;
    return Error{Errc::kNoResource, "no memory for a socket, or " +
                                        std::to_string(config_.tcp.max_sockets) +
                                        " are open; close some"};
  }
  const TcpContext context{config_.tcp, pool_, timers_, counters_};
  auto* sock = new (object) TcpSock(context, *this, flow);
  const SocketId id{++last_id_};
  sockets_.emplace(id, Entry{.sock = sock, .listener = {}, .ready = {}});
  flows_.emplace(flow, id);
  return id;
}

void Stack::release(SocketId id) {
  const auto found = sockets_.find(id);
  if (Entry* listener = find(found->second.listener)) {
    --listener->children;
    std::erase(listener->ready, id);
  }
  unhash(id);
  TcpSock* sock = found->second.sock;
  sockets_.erase(found);
  sock->~TcpSock();
  cache_->free(sock);
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
  if (id) find(*id)->sock->listen();
  return id;
}

std::optional<uint16_t> Stack::free_port(Ipv4Address remote, uint16_t port) {
  constexpr unsigned kPorts = kLastEphemeralPort - kFirstEphemeralPort + 1;
  for (unsigned tried = 0; tried < kPorts; ++tried) {
    last_port_ = static_cast<uint16_t>((last_port_ + 1) % kPorts);
    const auto candidate = static_cast<uint16_t>(kFirstEphemeralPort + last_port_);
    if (!flows_.contains({config_.address, candidate, remote, port})) return candidate;
  }
  return std::nullopt;
}

Result<SocketId> Stack::connect(Nanos now, Ipv4Address remote, uint16_t port) {
  if (remote == Ipv4Address{} || port == 0) {
    return Error{Errc::kInvalidArgument, "nobody can be at address 0.0.0.0 or port 0"};
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

// RFC 6528: a clock of 4 microseconds, and for each connection its own secret start.
TcpSeq Stack::initial_sequence(Nanos now, const TcpFlow& flow) const {
  uint64_t state = config_.tcp.isn_key;
  for (const uint64_t part : {uint64_t{flow.local.value} << 32 | flow.remote.value,
                              uint64_t{flow.local_port} << 16 | flow.remote_port}) {
    state ^= part;
    state = splitmix64(state);
  }
  return TcpSeq(static_cast<uint32_t>(state + static_cast<uint64_t>(now / microseconds(4))));
}

std::optional<SocketId> Stack::accept(SocketId listener) {
  Entry* entry = find(listener);
  if (entry == nullptr || entry->ready.empty()) return std::nullopt;
  const SocketId id = entry->ready.front();
  entry->ready.erase(entry->ready.begin());
  --entry->children;
  find(id)->listener = SocketId{};
  return id;
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
  // A listener takes its children that nobody has accepted with it.
  while (find(id)->children != 0) {
    const auto child = std::find_if(sockets_.begin(), sockets_.end(),
                                    [id](const auto& s) { return s.second.listener == id; });
    child->second.sock->abort(now);
    release(child->first);
  }
  sock->close(now);
  settle(id);
}

void Stack::abort(Nanos now, SocketId id) {
  TcpSock* sock = sock_of(id);
  if (sock == nullptr) return;
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
  if (!is_child || state == TcpState::kSynReceived) return;
  std::vector<SocketId>& ready = find(entry->listener)->ready;
  if (std::find(ready.begin(), ready.end(), id) == ready.end()) ready.push_back(id);
}

// ---- The network's side. ----

void Stack::advance(Nanos now) {
  timers_.advance(now, [this, now](Timer& timer) {
    TcpSock& sock = *timer.owner;
    sock.timer_expired(now, timer);
    settle(flows_.at(sock.flow()));
  });
}

void Stack::input(Nanos now, SkBuff* skb) {
  Ipv4Packet packet;
  TcpSegment segment;
  const bool good = parse_ipv4(skb->data(), packet) == WireError::kNone &&
                    packet.repr.destination == config_.address &&
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

// LISTEN (RFC 9293 3.10.7.2): a SYN makes a child, if there is room for one; a lost SYN comes
// again.
void Stack::input_listener(Nanos now, SocketId listener, const TcpFlow& flow, const TcpRepr& repr) {
  if (repr.has(kRst)) return;
  if (repr.has(kAck)) {
    refuse(now, flow, repr, 0);
    return;
  }
  if (!repr.has(kSyn) || find(listener)->children >= config_.tcp.backlog) return;
  const Result<SocketId> child = make_socket(flow);
  if (!child) return;
  Entry* entry = find(*child);
  entry->listener = listener;
  ++find(listener)->children;
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
