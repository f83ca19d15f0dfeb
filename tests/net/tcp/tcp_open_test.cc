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
  TcpLadder t({.backlog = 1});
  t.listening();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.in({kAck, 1, 1});
  t.peer_port = 10;
  t.in({kSyn, 0});
  t.silence();
  t.accept();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
}

// Whoever only sends SYNs keeps nobody out: the oldest of them makes room.
BOOST_AUTO_TEST_CASE(a_flood_of_syns_does_not_shut_a_listener) {
  TcpLadder t({.max_sockets = 100, .backlog = 8});
  t.listening();
  for (uint16_t port = 1000; port < 3000; ++port) {
    t.peer_port = port;
    t.in({kSyn, 0});
    t.out({kSyn | kAck, 0, 1});
  }
  BOOST_TEST(t.stack().socket_count() == 1u + 8);
  t.peer_port = kPeerPort;
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.in({kAck, 1, 1});
  t.accept();
  BOOST_CHECK(t.state() == TcpState::kEstablished);
}

// Our SYN and ACK was lost: the peer, in SYN-SENT, needs it again and not an acknowledgement.
BOOST_AUTO_TEST_CASE(a_repeated_syn_gets_the_syn_and_ack_again) {
  TcpLadder t;
  t.listening();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  // Not as often as anybody likes.
  for (int i = 0; i < 100; ++i) t.in({kSyn, 0});
  t.silence();
  t.in({kAck, 1, 1});
  t.accept();
  BOOST_CHECK(t.state() == TcpState::kEstablished);
}

// Both have opened at once, and the acknowledgement of our SYN comes with the peer's SYN.
BOOST_AUTO_TEST_CASE(a_syn_and_ack_completes_a_simultaneous_open) {
  TcpLadder t;
  t.connecting();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.in({kSyn | kAck, 0, 1});
  BOOST_CHECK(t.state() == TcpState::kEstablished);
  t.out({kAck, 1, 1});
  t.send(100);
  t.out({kAck, 1, 1, 100});
}

BOOST_AUTO_TEST_CASE(a_syn_and_ack_of_something_else_completes_nothing) {
  TcpLadder t;
  t.connecting();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.in({kSyn | kAck, 0, 77});
  t.out({kRst, 77, 0});
  BOOST_CHECK(t.state() == TcpState::kSynReceived);
}

BOOST_AUTO_TEST_CASE(a_listener_that_is_aborted_takes_its_children_with_it) {
  for (const bool established : {false, true}) {
    TcpLadder t;
    t.listening();
    t.in({kSyn, 0});
    t.out({kSyn | kAck, 0, 1});
    if (established) t.in({kAck, 1, 1});
    t.abort_listener();
    t.out({kRst | kAck, 1, 1});
    BOOST_TEST(t.stack().socket_count() == 0u);
    t.in({kAck, 1, 1});
    t.out({kRst, 1, 0});
  }
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

// However small, down to what Linux keeps to.
BOOST_AUTO_TEST_CASE(a_small_maximum_segment_size_is_kept_too) {
  for (const auto& [said, kept] :
       {std::pair{60, 60u}, std::pair{87, 87u}, std::pair{48, 48u}, std::pair{1, 48u}}) {
    TcpLadder t({.nodelay = true});
    t.peer_mss = static_cast<uint16_t>(said);
    t.established();
    t.send(kept * 2);
    t.out({kAck, 1, 1, kept});
    t.out({kAck, 1 + kept, 1, kept});
    t.silence();
  }
}

BOOST_AUTO_TEST_CASE(a_maximum_segment_size_of_0_says_nothing) {
  TcpLadder t;
  t.peer_mss = 0;
  t.established();
  t.send(536);
  t.out({kAck, 1, 1, 536});
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

// RFC 5681 section 3.1.
BOOST_AUTO_TEST_CASE(after_a_lost_syn_ack_data_starts_with_one_segment) {
  TcpLadder t;
  t.listening();
  t.in({kSyn, 0});
  t.out({kSyn | kAck, 0, 1});
  t.out_after(seconds(1), {kSyn | kAck, 0, 1});
  t.in({kAck, 1, 1});
  t.accept();
  t.send(20'000);
  t.out_segments(1);
  t.silence();
  t.in({kAck, 1, 1001});
  t.out({kAck, 1001, 1, 1000});
  t.out({kAck, 2001, 1, 1000});
  t.silence();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
