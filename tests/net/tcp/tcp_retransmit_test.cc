// The retransmission timer (RFC 6298),
// fast retransmit and recovery (RFC 5681 section 3.2, RFC 6582).

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_tcp_retransmit)

BOOST_AUTO_TEST_CASE(a_timeout_doubles_each_time) {
  TcpLadder t;
  t.established();  // a round trip of no time: the minimum, 200 ms
  t.send(500);
  t.out({kAck, 1, 1, 500});
  for (const int ms : {200, 400, 800, 1600, 3200}) {
    t.out_after(milliseconds(ms), {kAck, 1, 1, 500});
  }
  t.in({kAck, 1, 501});
  t.wait(seconds(100));
  t.silence();
  BOOST_TEST(t.stack().counters().retrans_segs == 5u);
  BOOST_TEST(t.stack().counters().timeouts == 5u);
}

// Karn's algorithm (RFC 6298 section 3 and 5.5): which copy is acknowledged nobody knows, so the
// timeout stays backed off until a segment that was sent once has made its round.
BOOST_AUTO_TEST_CASE(a_back_off_lasts_until_a_clean_round_trip) {
  TcpLadder t;
  t.established();
  t.send(1000);
  t.out({kAck, 1, 1, 1000});
  for (const int ms : {200, 400, 800}) t.out_after(milliseconds(ms), {kAck, 1, 1, 1000});
  t.in({kAck, 1, 1001});
  t.send(1000);
  t.out({kAck, 1001, 1, 1000});
  t.out_after(milliseconds(1600), {kAck, 1001, 1, 1000});
  t.in({kAck, 1, 2001});
  t.send(1000);
  t.out({kAck, 2001, 1, 1000});
  t.wait(milliseconds(10));
  t.in({kAck, 1, 3001});
  t.send(1000);
  t.out({kAck, 3001, 1, 1000});
  t.out_after(milliseconds(200), {kAck, 3001, 1, 1000});
}

BOOST_AUTO_TEST_CASE(a_peer_that_stays_silent_is_given_up_with_a_reset) {
  TcpLadder t({.data_retries = 3});
  t.established();
  t.send(500);
  t.out({kAck, 1, 1, 500});
  for (const int ms : {200, 400, 800}) t.out_after(milliseconds(ms), {kAck, 1, 1, 500});
  t.out_after(milliseconds(1600), {kRst | kAck, 501, 1});
  BOOST_CHECK(t.state() == TcpState::kClosed);
  BOOST_CHECK(t.stack().status(t.id).error == TcpError::kTimedOut);
  BOOST_TEST(t.stack().counters().abort_on_timeout == 1u);
}

BOOST_AUTO_TEST_CASE(after_a_timeout_everything_is_sent_again_from_one_segment_on) {
  TcpLadder t;
  t.established();
  t.send(3000);
  t.out_segments(3);
  t.out_after(milliseconds(200), {kAck, 1, 1, 1000});
  t.silence();
  t.in({kAck, 1, 1001});
  t.out({kAck, 1001, 1, 1000});
  t.out({kAck, 2001, 1, 1000});
}

BOOST_AUTO_TEST_CASE(an_acknowledgement_starts_the_timer_anew) {
  TcpLadder t;
  t.established();
  t.send(2000);
  t.out({kAck, 1, 1, 1000});
  t.out({kAck, 1001, 1, 1000});
  t.wait(milliseconds(150));
  t.in({kAck, 1, 1001});
  const Nanos start = t.now();
  t.wait(seconds(5));
  t.out({kAck, 1001, 1, 1000});
  BOOST_TEST((t.now() - start).value() >= milliseconds(200).value());
}

BOOST_AUTO_TEST_CASE(the_third_duplicate_acknowledgement_retransmits) {
  TcpLadder t;
  t.established();
  t.send(5000);
  t.out_segments(5);
  t.in({kAck, 1, 1});
  t.in({kAck, 1, 1});
  t.silence();
  t.in({kAck, 1, 1});
  t.out({kAck, 1, 1, 1000});
  t.silence();
  t.in({kAck, 1, 1});
  t.silence();
  BOOST_TEST(t.stack().counters().fast_retrans == 1u);
  BOOST_TEST(t.stack().counters().timeouts == 0u);
  t.in({kAck, 1, 5001});
  t.wait(seconds(60));
  t.silence();
}

BOOST_AUTO_TEST_CASE(an_acknowledgement_with_data_or_another_window_is_no_duplicate) {
  TcpLadder t;
  t.established();
  t.send(5000);
  t.out_segments(5);
  t.in({kAck, 1, 1});
  t.in({kAck, 1, 1});
  t.window = 50000;
  t.in({kAck, 1, 1});
  t.silence();
  t.in({kAck, 1, 1, 10});
  t.silence();
  BOOST_TEST(t.stack().counters().fast_retrans == 0u);
  t.out_after(milliseconds(40), {kAck, 5001, 11});
}

BOOST_AUTO_TEST_CASE(a_partial_acknowledgement_in_recovery_retransmits_the_next_hole) {
  TcpLadder t;
  t.established();
  t.send(6000);
  t.out_segments(6);
  for (int i = 0; i < 3; ++i) t.in({kAck, 1, 1});
  t.out({kAck, 1, 1, 1000});
  t.in({kAck, 1, 2001});
  t.out({kAck, 2001, 1, 1000});
  t.in({kAck, 1, 6001});
  t.wait(seconds(60));
  t.silence();
  BOOST_TEST(t.stack().counters().timeouts == 0u);
}

// The wheel counts from now, not from its last expiry.
BOOST_AUTO_TEST_CASE(a_timeout_after_a_long_idle_time_is_as_precise_as_any) {
  TcpLadder t;
  t.established();
  t.wait(seconds(1000));
  t.send(500);
  t.out({kAck, 1, 1, 500});
  t.out_after(milliseconds(200), {kAck, 1, 1, 500});
}

BOOST_AUTO_TEST_CASE(an_acknowledgement_with_an_older_window_is_no_duplicate) {
  TcpLadder t;
  t.established();
  t.send(5000);
  t.out_segments(5);
  t.in({kAck, 101, 1, 10});  // its window is the newest from here on
  t.out({kAck, 5001, 1});
  t.in({kAck, 1, 1});
  t.in({kAck, 1, 1});
  t.window = 50000;
  t.in({kAck, 1, 1});
  t.silence();
  BOOST_TEST(t.stack().counters().fast_retrans == 0u);
}

// RFC 6582 section 3.2, step 2: what a recovery sent again is acknowledged more than once, up to
// all of it, and that is no sign of another loss.
BOOST_AUTO_TEST_CASE(acknowledgements_up_to_recover_start_no_second_fast_retransmit) {
  TcpLadder t;
  t.established();
  t.send(5000);
  t.out_segments(5);
  for (int i = 0; i < 3; ++i) t.in({kAck, 1, 1});
  t.out({kAck, 1, 1, 1000});
  t.in({kAck, 1, 5001});  // all of it
  t.send(2000);
  t.out({kAck, 5001, 1, 1000});
  t.out({kAck, 6001, 1, 1000});
  for (int i = 0; i < 5; ++i) t.in({kAck, 1, 5001});
  t.silence();
  BOOST_TEST(t.stack().counters().fast_retrans == 1u);
  // Once something later is acknowledged, three are one again.
  t.in({kAck, 1, 6001});
  for (int i = 0; i < 3; ++i) t.in({kAck, 1, 6001});
  t.out({kAck, 6001, 1, 1000});
  BOOST_TEST(t.stack().counters().fast_retrans == 2u);
}

BOOST_AUTO_TEST_CASE(after_idle_time_sending_starts_with_the_initial_window) {
  TcpLadder t;
  t.established();
  // Opened to 20 segments by a full flight.
  t.send(10'000);
  t.out_segments(10);
  for (uint32_t i = 1; i <= 10; ++i) t.in({kAck, 1, 1 + i * 1000});
  t.wait(seconds(10));
  t.send(30'000);
  for (uint32_t i = 0; i < 10; ++i) t.out({kAck, 10'001 + i * 1000, 1, 1000});
  t.silence();
}

// Its user is gone, and the peer only says that it has no room.
BOOST_AUTO_TEST_CASE(an_orphan_whose_peer_keeps_its_window_closed_ends) {
  TcpLadder t({.rto_max = seconds(2)});
  t.established();
  t.window = 0;
  t.in({kAck, 1, 1});
  t.send(500);
  t.stack().close(t.now(), t.id);
  for (const int ms : {200, 400, 800, 1600}) {
    t.out_after(milliseconds(ms), {kAck, 0, 1});
    t.in({kAck, 1, 1});
  }
  t.out_after(seconds(2), {kRst | kAck, 1, 1});
  BOOST_TEST(t.stack().counters().abort_on_timeout == 1u);
  t.close_listener();
  BOOST_TEST(t.stack().socket_count() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
