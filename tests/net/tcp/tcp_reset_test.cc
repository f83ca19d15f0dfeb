// Resets: RFC 9293 section 3.5.2, RFC 5961 section 3.2.

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_tcp_reset)

BOOST_AUTO_TEST_CASE(the_exact_reset_ends_the_connection) {
  TcpLadder t;
  t.established();
  t.in({kRst, 1});
  BOOST_CHECK(t.state() == TcpState::kClosed);
  BOOST_CHECK(t.stack().status(t.id).error == TcpError::kConnectionReset);
}

BOOST_AUTO_TEST_CASE(a_reset_elsewhere_in_the_window_is_challenged) {
  TcpLadder t;
  t.established();
  t.in({kRst, 2});
  t.out({kAck, 1, 1});
  BOOST_CHECK(t.state() == TcpState::kEstablished);
}

BOOST_AUTO_TEST_CASE(a_reset_outside_the_window_is_ignored) {
  TcpLadder t;
  t.established();
  t.in({kRst, 100'000});
  t.silence();
  BOOST_CHECK(t.state() == TcpState::kEstablished);
}

// A connection that we have given up is CLOSED, whoever still holds its id: the peer, whose
// segments show that our RST has missed, gets one that fits.
BOOST_AUTO_TEST_CASE(a_connection_given_up_answers_with_resets) {
  TcpLadder t({.data_retries = 0});
  t.established();
  t.send(500);
  t.out({kAck, 1, 1, 500});
  t.out_after(milliseconds(200), {kRst | kAck, 501, 1});
  t.in({kAck, 1, 1});
  t.out({kRst, 1, 0});
  BOOST_CHECK(t.stack().status(t.id).error == TcpError::kTimedOut);
}

BOOST_AUTO_TEST_CASE(a_peer_may_connect_again_after_a_reset_though_the_old_id_is_held) {
  TcpLadder t;
  t.established();
  const SocketId old = t.id;
  t.in({kRst, 1});
  BOOST_CHECK(t.state() == TcpState::kClosed);
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.in({kAck, 1, 1});
  t.accept();
  BOOST_CHECK(t.state() == TcpState::kEstablished);
  t.stack().close(t.now(), old);
  BOOST_CHECK(t.state() == TcpState::kEstablished);
  t.in({kAck, 1, 1, 10});
  BOOST_TEST(t.read(1) == 10u);
  t.out_after(milliseconds(40), {kAck, 1, 11});
}

// RFC 4022: from ESTABLISHED and CLOSE-WAIT only.
BOOST_AUTO_TEST_CASE(a_reset_in_the_handshake_is_a_failed_attempt_and_no_reset_connection) {
  TcpLadder t;
  t.listening();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.in({kRst, 1});
  BOOST_TEST(t.stack().counters().attempt_fails == 1u);
  BOOST_TEST(t.stack().counters().estab_resets == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
