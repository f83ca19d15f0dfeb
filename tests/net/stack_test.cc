// What a stack refuses and drops.

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

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
}

BOOST_AUTO_TEST_CASE(a_connection_to_nowhere_is_refused) {
  TcpLadder t;
  BOOST_CHECK(t.stack().connect(t.now(), kPeerAddress, 0).error().code == Errc::kInvalidArgument);
  BOOST_CHECK(t.stack().connect(t.now(), {}, 80).error().code == Errc::kInvalidArgument);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
