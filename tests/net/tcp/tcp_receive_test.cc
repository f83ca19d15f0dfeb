// Receiving: RFC 9293 section 3.10.7.4, acknowledgements as RFC 5681 section 4.2 wants them.

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_tcp_receive)

BOOST_AUTO_TEST_CASE(a_segment_is_acknowledged_after_40_ms) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 1, 1000});
  t.silence();
  t.out_after(milliseconds(40), {kAck, 1, 1001});
  BOOST_TEST(t.read(1) == 1000u);
}

BOOST_AUTO_TEST_CASE(every_second_full_segment_is_acknowledged_at_once) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 1, 1000});
  t.in({kAck, 1001, 1, 1000});
  t.out({kAck, 1, 2001});
}

BOOST_AUTO_TEST_CASE(an_out_of_order_segment_is_acknowledged_at_once) {
  TcpLadder t;
  t.established();
  t.in({kAck, 101, 1, 100});
  t.out({kAck, 1, 1});
  t.in({kAck, 201, 1, 100});
  t.out({kAck, 1, 1});
  BOOST_TEST(t.read(1) == 0u);
}

BOOST_AUTO_TEST_CASE(a_filled_gap_is_acknowledged_at_once) {
  TcpLadder t;
  t.established();
  t.in({kAck, 101, 1, 100});
  t.out({kAck, 1, 1});
  t.in({kAck, 1, 1, 100});
  t.out({kAck, 1, 201});
  BOOST_TEST(t.read(1) == 200u);
}

BOOST_AUTO_TEST_CASE(overlaps_are_cut) {
  TcpLadder t;
  t.established();
  t.in({kAck, 51, 1, 100});  // 51 to 150
  t.out({kAck, 1, 1});
  t.in({kAck, 201, 1, 50});  // 201 to 250
  t.out({kAck, 1, 1});
  t.in({kAck, 101, 1, 120});  // 101 to 220, over both
  t.out({kAck, 1, 1});
  t.in({kAck, 1, 1, 60});  // 1 to 60
  t.out({kAck, 1, 251});
  BOOST_TEST(t.read(1) == 250u);
}

BOOST_AUTO_TEST_CASE(what_is_known_is_acknowledged_again) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 1, 100});
  t.out_after(milliseconds(40), {kAck, 1, 101});
  t.in({kAck, 1, 1, 100});
  t.out({kAck, 1, 101});
  BOOST_TEST(t.read(1) == 100u);
}

BOOST_AUTO_TEST_CASE(data_beyond_the_window_is_cut_off) {
  TcpLadder t({.receive_buffer_bytes = 1000});
  t.established();
  t.in({kAck, 1, 1, 1200});
  t.wait(milliseconds(50));
  t.out({kAck, 1, 1001});
  BOOST_TEST(t.last_window == 0u);
  t.in({kAck, 1001, 1, 10});
  t.out({kAck, 1, 1001});
  BOOST_TEST(t.read(1) == 1000u);
  t.out({kAck, 1, 1001});  // told when half of the buffer is free, and not before
  BOOST_TEST(t.last_window == 500u);
}

BOOST_AUTO_TEST_CASE(an_acknowledgement_of_what_was_never_sent_is_answered_and_ignored) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 500, 100});
  t.out({kAck, 1, 1});
  BOOST_TEST(t.read(1) == 0u);
}

// A peer that has used up the window acknowledges from its right edge while a gap is open.
BOOST_AUTO_TEST_CASE(an_acknowledgement_at_the_right_edge_of_the_window_counts) {
  TcpLadder t({.receive_buffer_bytes = 2000});
  t.established();
  t.send(500);
  t.out({kAck, 1, 1, 500});
  t.in({kAck, 1001, 1, 1000});  // the first thousand is lost
  t.out({kAck, 501, 1});
  t.in({kAck, 2001, 501});
  t.silence();
  t.wait(seconds(10));
  t.silence();  // it was taken: nothing is sent again
}

BOOST_AUTO_TEST_CASE(every_second_segment_is_acknowledged_at_once_whatever_its_size) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 1, 900});
  t.silence();
  t.in({kAck, 901, 1, 900});
  t.out({kAck, 1, 1801});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
