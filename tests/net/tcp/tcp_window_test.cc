// The peer's window: silly windows and the persist timer (RFC 9293 section 3.8.6).

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_tcp_window)

BOOST_AUTO_TEST_CASE(the_peer_s_window_is_never_overrun) {
  TcpLadder t;
  t.window = 2500;
  t.established();
  t.send(5000);
  t.out({kAck, 1, 1, 1000});
  t.out({kAck, 1001, 1, 1000});
  t.silence();
}

BOOST_AUTO_TEST_CASE(a_closed_window_is_probed_with_backoff) {
  TcpLadder t;
  t.established();
  t.send(1000);
  t.out({kAck, 1, 1, 1000});
  t.window = 0;
  t.in({kAck, 1, 1001});
  t.send(500);
  t.silence();
  t.out_after(milliseconds(200), {kAck, 1000, 1});
  t.in({kAck, 1, 1001});
  t.silence();
  t.wait(seconds(1));
  t.out({kAck, 1000, 1});
  t.window = 5000;
  t.in({kAck, 1, 1001});
  t.out({kAck, 1001, 1, 500});
}

BOOST_AUTO_TEST_CASE(a_window_smaller_than_a_segment_is_used_in_the_end) {
  TcpLadder t;
  t.established();
  t.send(1000);
  t.out({kAck, 1, 1, 1000});
  t.window = 300;
  t.in({kAck, 1, 1001});
  t.send(1000);
  t.silence();
  t.out_after(milliseconds(200), {kAck, 1001, 1, 300});
  t.window = 5000;
  t.in({kAck, 1, 1301});
  t.out({kAck, 1301, 1, 700});
}

BOOST_AUTO_TEST_CASE(a_peer_that_answers_with_a_closed_window_is_not_given_up) {
  TcpLadder t({.data_retries = 2});
  t.established();
  t.send(500);
  t.out({kAck, 1, 1, 500});
  t.window = 0;
  for (int i = 0; i < 6; ++i) {
    t.wait(seconds(200));
    t.out({kAck, 1, 1, 500});
    t.in({kAck, 1, 1});
  }
  BOOST_CHECK(t.state() == TcpState::kEstablished);
}

// RFC 9293 3.8.6.2.1 (3): what fills half of the largest window there was is worth a segment.
BOOST_AUTO_TEST_CASE(a_window_that_never_holds_a_whole_segment_is_used_without_waiting) {
  TcpLadder t;
  t.window = 600;
  t.established();
  t.send(1000);
  t.out({kAck, 1, 1, 600});
  t.silence();
  t.in({kAck, 1, 601});
  t.out({kAck, 601, 1, 400});
}

// Found by the fuzz target: what was cut off kept its place in the buffer, and overran its end.
BOOST_AUTO_TEST_CASE(what_is_left_of_a_cut_segment_can_be_filled_up) {
  TcpLadder t;
  t.peer_mss = 1460;
  t.established();
  t.send(1460);
  t.out({kAck, 1, 1, 1460});
  t.window = 700;
  t.in({kAck, 1, 1461});
  t.send(1400);
  t.out_after(milliseconds(200), {kAck, 1461, 1, 700});
  t.send(760);
  t.window = 5000;
  t.in({kAck, 1, 2161});
  t.out({kAck, 2161, 1, 1460});
}

BOOST_AUTO_TEST_CASE(both_parts_of_a_cut_segment_that_was_sent_before_are_retransmissions) {
  TcpLadder t;
  t.established();
  t.send(2000);
  t.out({kAck, 1, 1, 1000});
  t.out({kAck, 1001, 1, 1000});
  t.out_after(milliseconds(200), {kAck, 1, 1, 1000});
  t.window = 400;
  t.in({kAck, 1, 1001});
  t.wait(seconds(1));
  t.out({kAck, 1001, 1, 400});
  t.window = 5000;
  t.in({kAck, 1, 1401});
  t.out({kAck, 1401, 1, 600});
  BOOST_TEST(t.stack().counters().retrans_segs == 3u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
