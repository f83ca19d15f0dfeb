// A connection that has carried more than the sequence numbers can count (RFC 9293 section 3.4): a
// number that comes again says nothing about the state.

#include <boost/test/unit_test.hpp>
#include <vector>

#include "net/stack.h"

namespace ring3::net {
namespace {

// Four gigabytes of segments take a second here and minutes under a sanitizer.
boost::test_tools::assertion_result is_fast(boost::unit_test::test_unit_id) {
  return std::string_view(RING3_BUILD) == "release";
}

// The peer: it only remembers how far we have sent.
class Counter final : public TcpOutput {
 public:
  explicit Counter(SkbPool& pool) : pool_(pool) {}
  void send_segment(Nanos, const TcpFlow&, const TcpRepr& repr, SkBuff* payload) override {
    const uint32_t length = payload == nullptr ? 0 : payload->length;
    if (payload != nullptr) pool_.free(payload);
    end = repr.seq + length;
    ++segments;
  }
  TcpSeq end;
  uint64_t segments = 0;

 private:
  SkbPool& pool_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(net_tcp_wrap, *boost::unit_test::precondition(is_fast))

BOOST_AUTO_TEST_CASE(data_flows_on_when_the_initial_number_comes_again) {
  const auto memory = std::move(mm::Memory::create({.size_bytes = size_t{16} << 20}).value());
  SkbPool pool = SkbPool::create(*memory).value();
  const TcpConfig config;
  TimerWheel timers(seconds(1));
  TcpCounters counters;
  Counter peer(pool);
  Nanos now = seconds(1);
  {
    TcpSock sock({config, pool, timers, counters}, peer, {Ipv4Address{1}, 1, Ipv4Address{2}, 2});
    const TcpSeq iss(1000);
    const auto acknowledge = [&](TcpSeq ack, uint8_t flags) {
      const TcpRepr repr{.source_port = 2,
                         .destination_port = 1,
                         .seq = TcpSeq((flags & kSyn) != 0 ? 7 : 8),
                         .ack = ack,
                         .flags = flags,
                         .window = 65535,
                         .mss = std::nullopt};
      sock.input(now, repr, pool.alloc());
    };
    sock.connect(now, iss);
    acknowledge(iss + 1, kSyn | kAck);
    // All but one of the numbers: what is acknowledged then is the initial number again.
    const std::vector<std::byte> data(65536);
    for (uint64_t left = 0xffffffff; left != 0;) {
      const size_t sent = sock.send(now, std::span(data).first(std::min<uint64_t>(left, 65536)));
      left -= sent;
      BOOST_REQUIRE((sent != 0 || sock.flight() != 0));
      now += microseconds(100);
      acknowledge(peer.end, kAck);
    }
    while (sock.flight() != 0) acknowledge(peer.end, kAck);
    BOOST_CHECK(peer.end == iss);
    // What can be sent is sent at once.
    const uint64_t before = peer.segments;
    BOOST_TEST(sock.send(now, std::span(data).first(1000)) == 1000u);
    BOOST_TEST(peer.segments == before + 1);
    // The window has long stopped growing: the peer's is what limits.
    BOOST_TEST(sock.congestion().cwnd() < 200'000u);
  }
  BOOST_TEST(pool.destroy() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
