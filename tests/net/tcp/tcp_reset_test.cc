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

// ---- Answers to what is not acceptable (RFC 5961 section 7). ----

// Out of the window, an acknowledgement of the future, a reset beside the next number, a SYN.
constexpr Line kUnacceptable[] = {
    {kAck, 100'000, 1}, {kAck, 1, 5000}, {kRst, 2, 0}, {kSyn, 1, 0}, {kSyn | kAck, 100'000, 1}};

BOOST_AUTO_TEST_CASE(unacceptable_segments_get_one_answer_in_half_a_second) {
  TcpLadder t;
  t.established();
  for (int round = 0; round < 3; ++round) {
    for (const Line& line : kUnacceptable) {
      for (int i = 0; i < 10; ++i) t.in(line);
    }
    t.out({kAck, 1, 1});
    t.silence();
    t.wait(milliseconds(499));
    t.in(kUnacceptable[0]);
    t.silence();
    t.wait(milliseconds(1));
  }
}

BOOST_AUTO_TEST_CASE(data_that_comes_again_is_answered_each_time) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 1, 100});
  t.out_after(milliseconds(40), {kAck, 1, 101});
  for (int i = 0; i < 10; ++i) {
    t.in({kAck, 1, 1, 100});
    t.out({kAck, 1, 101});
  }
}

BOOST_AUTO_TEST_CASE(a_host_has_a_limit_for_all_its_sockets) {
  TcpLadder t({.invalid_ratelimit = Nanos(0), .challenge_ack_limit = 1});
  t.established();
  for (int second = 0; second < 3; ++second) {
    for (int i = 0; i < 10; ++i) t.in(kUnacceptable[static_cast<size_t>(i) % 5]);
    t.out({kAck, 1, 1});
    t.silence();
    t.wait(seconds(1));
  }
}

// Two of us, and somebody who has seen the numbers: each side's acknowledgement is unacceptable to
// the other.
BOOST_AUTO_TEST_CASE(a_forged_segment_starts_no_war_of_acknowledgements) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 1, 10});  // forged: the peer has sent nothing
  t.out_after(milliseconds(40), {kAck, 1, 11});
  size_t answers = 0;
  for (int ms = 0; ms < 10'000; ++ms) {
    t.in({kAck, 1, 1});  // the peer's answer to ours
    t.wait(milliseconds(1));
    answers += t.drop_sent();
  }
  BOOST_TEST(answers <= 21u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
