// What a stack refuses and drops.

#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

namespace {

// 0.0.0.0, loopback, multicast, reserved, broadcast, and ourselves.
constexpr uint32_t kNoHosts[] = {0,          0x7f000001, 0x7fffffff, 0xe0000001,
                                 0xefffffff, 0xf0000001, 0xffffffff, kOurAddress.value};

}  // namespace

BOOST_AUTO_TEST_SUITE(net_stack)

BOOST_AUTO_TEST_CASE(listen_says_what_is_wrong) {
  TcpLadder t;
  t.stack().listen(80).value();
  BOOST_TEST(t.stack().listen(80).error().message.find("port 80") != std::string::npos);
  BOOST_TEST(!t.stack().listen(0).ok());
}

BOOST_AUTO_TEST_CASE(more_sockets_than_allowed_are_refused) {
  TcpLadder t({.max_sockets = 2});
  t.stack().listen(80).value();
  t.connecting();
  BOOST_CHECK(t.stack().connect(t.now(), kPeerAddress, 1).error().code == Errc::kNoResource);
}

BOOST_AUTO_TEST_CASE(a_packet_with_any_byte_damaged_is_counted_and_dropped) {
  TcpLadder t;
  t.established();
  const Line line{kAck, 1, 1, 20};
  const size_t bytes = kIpv4HeaderBytes + kTcpHeaderBytes + line.length;
  for (size_t i = 0; i < bytes; ++i) {
    SkBuff* skb = t.packet(line);
    skb->data()[i] ^= std::byte{0x40};
    t.stack().input(t.now(), skb);
    BOOST_TEST(t.stack().counters().in_errs == i + 1);
  }
  BOOST_TEST(t.read(1) == 0u);
}

BOOST_AUTO_TEST_CASE(a_configuration_that_cannot_work_is_refused) {
  TcpLadder t;
  const auto refused = [&](const TcpConfig& tcp) {
    return t.refusal(tcp).find("TcpConfig") != std::string::npos;
  };
  BOOST_TEST(refused({.mss = 0}));
  BOOST_TEST(refused({.mss = 1461}));
  BOOST_TEST(refused({.send_buffer_bytes = 0}));
  BOOST_TEST(refused({.receive_buffer_bytes = 0}));
  BOOST_TEST(refused({.rto_min = seconds(2), .rto_max = seconds(1)}));
  BOOST_TEST(refused({.rto_min = Nanos(0)}));
  BOOST_TEST(refused({.send_buffer_bytes = size_t{1} << 31}));
  BOOST_TEST(refused({.receive_buffer_bytes = 1}));
  BOOST_TEST(refused({.receive_buffer_bytes = kSmallestMss - 1}));
  BOOST_TEST(refused({.rto_initial = Nanos(0)}));
  BOOST_TEST(refused({.rto_initial = seconds(121)}));
  BOOST_TEST(refused({.rto_max = Nanos::max()}));
  BOOST_TEST(refused({.syn_retries = 128}));
  BOOST_TEST(refused({.data_retries = 256}));
  BOOST_TEST(refused({.delayed_ack = milliseconds(500)}));
  BOOST_TEST(refused({.delayed_ack = Nanos(-1)}));
  BOOST_TEST(refused({.time_wait = Nanos(0)}));
  BOOST_TEST(refused({.time_wait = Nanos::max()}));
  BOOST_TEST(refused({.fin_timeout = Nanos(-1)}));
  BOOST_TEST(refused({.invalid_ratelimit = seconds(61)}));
  BOOST_TEST(refused({.challenge_ack_limit = 0}));
  BOOST_TEST(refused({.max_sockets = 0}));
  BOOST_TEST(refused({.backlog = 0}));
  BOOST_TEST(t.refusal({}) == "");
  BOOST_TEST(t.refusal({.receive_buffer_bytes = 1}) ==
             "TcpConfig: receive_buffer_bytes is 1; use 88 to 4294967295: a window must hold a "
             "segment");
}

BOOST_AUTO_TEST_CASE(a_connection_to_nowhere_is_refused) {
  TcpLadder t;
  BOOST_CHECK(t.stack().connect(t.now(), kPeerAddress, 0).error().code == Errc::kInvalidArgument);
  BOOST_CHECK(t.stack().connect(t.now(), {}, 80).error().code == Errc::kInvalidArgument);
  for (const uint32_t address : kNoHosts) {
    BOOST_CHECK(t.stack().connect(t.now(), {address}, 80).error().code == Errc::kInvalidArgument);
  }
}

// Who answers a broadcast, or itself, answers many, or for ever (RFC 1122 3.2.1.3, 4.2.3.10).
BOOST_AUTO_TEST_CASE(a_packet_from_no_host_is_counted_and_dropped) {
  TcpLadder t;
  t.listening();
  uint64_t dropped = 0;
  for (const uint32_t address : kNoHosts) {
    t.peer_address = {address};
    t.in({kSyn, 0});
    BOOST_TEST(t.stack().counters().in_errs == ++dropped);
  }
  t.silence();
  BOOST_TEST(t.stack().socket_count() == 1u);
}

// TIME-WAIT is the past: it must not keep the present out.
BOOST_AUTO_TEST_CASE(time_wait_makes_room_for_new_connections) {
  TcpLadder t({.max_sockets = 4});
  t.listening();
  for (uint16_t port = 1000; port < 1100; ++port) {
    t.peer_port = port;
    t.in({kSyn, 0});
    t.out({kSyn | kAck, 0, 1});
    t.in({kAck, 1, 1});
    t.accept();
    t.stack().close(t.now(), t.id);
    t.out({kFin | kAck, 1, 1});
    t.in({kFin | kAck, 1, 2});
    t.out({kAck, 2, 2});
  }
  BOOST_TEST(t.stack().socket_count() == 4u);
  t.wait(seconds(70));
  t.silence();
  BOOST_TEST(t.stack().socket_count() == 1u);
}

BOOST_AUTO_TEST_CASE(ports_start_where_the_key_says) {
  std::set<uint16_t> first;
  for (uint64_t key = 0; key < 20; ++key) {
    TcpLadder t({.isn_key = key});
    t.connecting();
    const uint16_t port = t.stack().flow(t.id)->local_port;
    BOOST_TEST(port >= 32768u);
    BOOST_TEST(port <= 60999u);
    first.insert(port);
    // Two at once have two.
    t.connecting();
    BOOST_TEST(t.stack().flow(t.id)->local_port != port);
  }
  BOOST_TEST(first.size() > 15u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
