// Opening a connection: RFC 9293 section 3.5.

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_tcp_open)

BOOST_AUTO_TEST_CASE(passive_open) {
  TcpLadder t;
  t.established();
  BOOST_TEST(t.stack().counters().passive_opens == 1u);
}

BOOST_AUTO_TEST_CASE(active_open) {
  TcpLadder t;
  t.connecting();
  BOOST_TEST(t.last_mss.value() == 1460u);
  t.in({kSyn | kAck, 0, 1});
  t.out({kAck, 1, 1});
  BOOST_CHECK(t.state() == TcpState::kEstablished);
}

BOOST_AUTO_TEST_CASE(simultaneous_open) {
  TcpLadder t;
  t.connecting();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  BOOST_CHECK(t.state() == TcpState::kSynReceived);
  t.in({kAck, 1, 1});
  BOOST_CHECK(t.state() == TcpState::kEstablished);
}

BOOST_AUTO_TEST_CASE(a_reset_refuses_a_connection) {
  TcpLadder t;
  t.connecting();
  t.in({kRst | kAck, 0, 1});
  BOOST_CHECK(t.state() == TcpState::kClosed);
  BOOST_CHECK(t.stack().status(t.id).error == TcpError::kConnectionRefused);
}

BOOST_AUTO_TEST_CASE(a_reset_that_acknowledges_something_else_refuses_nothing) {
  TcpLadder t;
  t.connecting();
  t.in({kRst | kAck, 0, 5});
  t.in({kRst, 0});
  BOOST_CHECK(t.state() == TcpState::kSynSent);
}

BOOST_AUTO_TEST_CASE(an_old_acknowledgement_of_our_syn_is_reset) {
  TcpLadder t;
  t.connecting();
  t.in({kSyn | kAck, 0, 77});
  t.out({kRst, 77, 0});
  BOOST_CHECK(t.state() == TcpState::kSynSent);
}

BOOST_AUTO_TEST_CASE(a_port_where_nobody_listens_answers_with_a_reset) {
  TcpLadder t;
  t.in({kSyn, 5});
  t.out({kRst | kAck, 0, 6});
  t.in({kAck, 5, 3, 10});
  t.out({kRst, 3, 0});
  t.in({kRst, 5});
  t.silence();
}

BOOST_AUTO_TEST_CASE(a_listener_resets_an_acknowledgement_of_nothing) {
  TcpLadder t;
  t.stack().listen(kOurPort).value();
  t.in({kAck, 5, 3});
  t.out({kRst, 3, 0});
}

BOOST_AUTO_TEST_CASE(a_full_backlog_drops_syns) {
  TcpLadder t({.backlog = 0});
  t.stack().listen(kOurPort).value();
  t.in({kSyn, 0});
  t.silence();
}

BOOST_AUTO_TEST_CASE(a_lost_syn_is_sent_again_after_1_2_4_seconds_and_given_up_in_the_end) {
  TcpLadder t({.syn_retries = 3});
  t.connecting();
  t.out_after(seconds(1), {kSyn, 0, 0});
  t.out_after(seconds(2), {kSyn, 0, 0});
  t.out_after(seconds(4), {kSyn, 0, 0});
  t.wait(seconds(20));
  t.silence();
  BOOST_CHECK(t.state() == TcpState::kClosed);
  BOOST_CHECK(t.stack().status(t.id).error == TcpError::kTimedOut);
}

BOOST_AUTO_TEST_CASE(a_second_syn_of_the_handshake_gets_a_challenge) {
  TcpLadder t;
  t.established();
  t.in({kSyn, 1});
  t.out({kAck, 1, 1});
  BOOST_TEST(t.stack().counters().challenge_acks == 1u);
  BOOST_CHECK(t.state() == TcpState::kEstablished);
}

BOOST_AUTO_TEST_CASE(the_peer_s_maximum_segment_size_is_kept) {
  TcpLadder t;
  t.peer_mss = 700;
  t.established();
  t.send(1500);
  t.out({kAck, 1, 1, 700});
  t.out({kAck, 701, 1, 700});
  t.silence();  // Nagle keeps the rest
}

BOOST_AUTO_TEST_CASE(data_sent_before_the_handshake_keeps_the_peer_s_maximum_segment_size) {
  TcpLadder t;
  t.peer_mss = 700;
  t.connecting();
  t.send(1460);
  t.silence();
  t.in({kSyn | kAck, 0, 1});
  t.out({kAck, 1, 1});
  t.out({kAck, 1, 1, 700});
  t.out({kAck, 701, 1, 700});
  t.in({kAck, 1, 1401});
  t.out({kAck, 1401, 1, 60});
}

// RFC 5681 halves for lost data; a lost SYN is none.
BOOST_AUTO_TEST_CASE(a_lost_syn_ack_does_not_shrink_the_congestion_window) {
  TcpLadder t;
  t.listening();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.out_after(seconds(1), {kSyn | kAck, 0, 1});
  t.in({kAck, 1, 1});
  t.accept();
  t.send(20'000);
  t.out_segments(10);
  t.silence();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
