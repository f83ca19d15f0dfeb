// Closing a connection: RFC 9293 section 3.6.

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_tcp_close)

BOOST_AUTO_TEST_CASE(we_close_first_and_wait) {
  TcpLadder t;
  t.established();
  t.stack().shutdown(t.now(), t.id);
  t.out({kFin | kAck, 1, 1});
  BOOST_CHECK(t.state() == TcpState::kFinWait1);
  t.in({kAck, 1, 2});
  BOOST_CHECK(t.state() == TcpState::kFinWait2);
  t.in({kFin | kAck, 1, 2});
  t.out({kAck, 2, 2});
  BOOST_CHECK(t.state() == TcpState::kTimeWait);
  t.wait(seconds(59));
  BOOST_CHECK(t.state() == TcpState::kTimeWait);
  t.wait(seconds(9));
  BOOST_CHECK(t.state() == TcpState::kClosed);
}

BOOST_AUTO_TEST_CASE(a_fin_seen_again_starts_time_wait_anew) {
  TcpLadder t;
  t.established();
  t.stack().shutdown(t.now(), t.id);
  t.out({kFin | kAck, 1, 1});
  t.in({kFin | kAck, 1, 2});
  t.out({kAck, 2, 2});
  t.wait(seconds(50));
  t.in({kFin | kAck, 1, 2});
  t.out({kAck, 2, 2});
  t.wait(seconds(55));
  BOOST_CHECK(t.state() == TcpState::kTimeWait);
  t.wait(seconds(15));
  BOOST_CHECK(t.state() == TcpState::kClosed);
}

BOOST_AUTO_TEST_CASE(the_peer_closes_first) {
  TcpLadder t;
  t.established();
  t.in({kFin | kAck, 1, 1});
  t.out({kAck, 1, 2});
  BOOST_CHECK(t.state() == TcpState::kCloseWait);
  BOOST_TEST(t.stack().status(t.id).peer_finished);
  t.send(10);
  t.out({kAck, 1, 2, 10});
  t.in({kAck, 2, 11});
  t.stack().close(t.now(), t.id);
  t.out({kFin | kAck, 11, 2});
  t.in({kAck, 2, 12});
  t.close_listener();
  BOOST_TEST(t.stack().socket_count() == 0u);
}

BOOST_AUTO_TEST_CASE(both_close_at_once) {
  TcpLadder t;
  t.established();
  t.stack().shutdown(t.now(), t.id);
  t.out({kFin | kAck, 1, 1});
  t.in({kFin | kAck, 1, 1});
  t.out({kAck, 2, 2});
  BOOST_CHECK(t.state() == TcpState::kClosing);
  t.in({kAck, 2, 2});
  BOOST_CHECK(t.state() == TcpState::kTimeWait);
}

BOOST_AUTO_TEST_CASE(a_fin_waits_behind_the_data) {
  TcpLadder t;
  t.window = 1000;
  t.established();
  t.send(1500);
  t.out({kAck, 1, 1, 1000});
  t.stack().shutdown(t.now(), t.id);
  t.silence();
  t.in({kAck, 1, 1001});
  t.out({kFin | kAck, 1001, 1, 500});
  BOOST_TEST(t.stack().send(t.now(), t.id, std::vector<std::byte>(5)) == 0u);
}

BOOST_AUTO_TEST_CASE(a_lost_fin_is_sent_again) {
  TcpLadder t;
  t.established();
  t.stack().shutdown(t.now(), t.id);
  t.out({kFin | kAck, 1, 1});
  t.out_after(milliseconds(200), {kFin | kAck, 1, 1});
}

BOOST_AUTO_TEST_CASE(a_fin_that_comes_early_waits_for_the_gap) {
  TcpLadder t;
  t.established();
  t.in({kFin | kAck, 101, 1, 50});
  t.out({kAck, 1, 1});
  BOOST_TEST(!t.stack().status(t.id).peer_finished);
  t.in({kAck, 1, 1, 100});
  t.out({kAck, 1, 152});
  BOOST_CHECK(t.state() == TcpState::kCloseWait);
  BOOST_TEST(t.read(1) == 150u);
}

BOOST_AUTO_TEST_CASE(closing_with_unread_data_resets) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 1, 10});
  t.stack().close(t.now(), t.id);
  t.out({kRst | kAck, 1, 11});
}

BOOST_AUTO_TEST_CASE(data_for_a_closed_socket_resets) {
  TcpLadder t;
  t.established();
  t.stack().close(t.now(), t.id);
  t.out({kFin | kAck, 1, 1});
  t.in({kAck, 1, 2});
  t.in({kAck, 1, 2, 10});
  t.out({kRst | kAck, 2, 1});
}

BOOST_AUTO_TEST_CASE(a_closed_socket_does_not_wait_for_ever_for_a_fin) {
  TcpLadder t;
  t.established();
  t.stack().close(t.now(), t.id);
  t.out({kFin | kAck, 1, 1});
  t.in({kAck, 1, 2});
  t.wait(seconds(70));
  t.close_listener();
  BOOST_TEST(t.stack().socket_count() == 0u);
}

BOOST_AUTO_TEST_CASE(abort_sends_a_reset) {
  TcpLadder t;
  t.established();
  t.send(10);
  t.out({kAck, 1, 1, 10});
  t.stack().abort(t.now(), t.id);
  t.out({kRst | kAck, 11, 1});
}

// A FIN takes a number, and so a place in the window.
BOOST_AUTO_TEST_CASE(a_fin_waits_for_the_window) {
  TcpLadder t;
  t.window = 1000;
  t.established();
  t.send(1000);
  t.stack().shutdown(t.now(), t.id);
  t.out({kAck, 1, 1, 1000});
  t.window = 0;
  t.in({kAck, 1, 1001});
  t.out_after(milliseconds(200), {kAck, 1000, 1});
  t.window = 1;
  t.in({kAck, 1, 1001});
  t.out({kFin | kAck, 1001, 1});
}

BOOST_AUTO_TEST_CASE(a_fin_that_alone_exceeds_the_window_does_not_hold_its_data_back) {
  TcpLadder t;
  t.window = 1500;
  t.established();
  t.send(1500);
  t.out({kAck, 1, 1, 1000});
  t.stack().shutdown(t.now(), t.id);
  t.out({kAck, 1001, 1, 500});
  t.silence();
  t.in({kAck, 1, 1501});
  t.out({kFin | kAck, 1501, 1});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
