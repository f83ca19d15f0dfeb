// Sending: the congestion window (RFC 5681) and Nagle (RFC 9293 section 3.7.4).

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_tcp_send)

BOOST_AUTO_TEST_CASE(ten_segments_may_be_on_the_way_at_first) {
  TcpLadder t;
  t.established();
  t.send(20'000);
  t.out_segments(10);
  t.silence();
}

BOOST_AUTO_TEST_CASE(slow_start_adds_a_segment_for_each_acknowledged) {
  TcpLadder t;
  t.established();
  t.send(20'000);
  t.out_segments(10);
  t.in({kAck, 1, 1001});
  t.out({kAck, 10'001, 1, 1000});
  t.out({kAck, 11'001, 1, 1000});
  t.silence();
}

BOOST_AUTO_TEST_CASE(nagle_holds_a_small_segment_back_while_another_is_on_the_way) {
  TcpLadder t;
  t.established();
  t.send(10);
  t.out({kAck, 1, 1, 10});
  t.send(10);
  t.silence();
  t.in({kAck, 1, 11});
  t.out({kAck, 11, 1, 10});
}

BOOST_AUTO_TEST_CASE(nodelay_sends_at_once) {
  TcpLadder t({.nodelay = true});
  t.established();
  t.send(10);
  t.out({kAck, 1, 1, 10});
  t.send(10);
  t.out({kAck, 11, 1, 10});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
