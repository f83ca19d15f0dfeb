// The rules of TCP, one at a time.

#include <boost/test/unit_test.hpp>

#include "tests/net/tcp_ladder.h"

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_tcp)

// ---- Opening (RFC 9293 section 3.5). ----

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

// ---- Receiving (RFC 9293 3.10.7.4, RFC 5681 4.2). ----

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

// ---- Resets (RFC 5961 section 3.2). ----

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

// ---- Sending. ----

BOOST_AUTO_TEST_CASE(ten_segments_may_be_on_the_way_at_first) {
  TcpLadder t;
  t.established();
  t.send(20'000);
  for (uint32_t i = 0; i < 10; ++i) t.out({kAck, 1 + i * 1000, 1, 1000});
  t.silence();
}

BOOST_AUTO_TEST_CASE(slow_start_adds_a_segment_for_each_acknowledged) {
  TcpLadder t;
  t.established();
  t.send(20'000);
  for (uint32_t i = 0; i < 10; ++i) t.out({kAck, 1 + i * 1000, 1, 1000});
  t.in({kAck, 1, 1001});
  t.out({kAck, 10'001, 1, 1000});
  t.out({kAck, 11'001, 1, 1000});
  t.silence();
}

BOOST_AUTO_TEST_CASE(the_peer_s_window_is_never_overrun) {
  TcpLadder t;
  t.window = 2500;
  t.established();
  t.send(5000);
  t.out({kAck, 1, 1, 1000});
  t.out({kAck, 1001, 1, 1000});
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

// ---- The retransmission timer (RFC 6298). ----

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
  for (uint32_t i = 0; i < 3; ++i) t.out({kAck, 1 + i * 1000, 1, 1000});
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

// ---- Fast retransmit (RFC 5681 section 3.2, RFC 6582). ----

BOOST_AUTO_TEST_CASE(the_third_duplicate_acknowledgement_retransmits) {
  TcpLadder t;
  t.established();
  t.send(5000);
  for (uint32_t i = 0; i < 5; ++i) t.out({kAck, 1 + i * 1000, 1, 1000});
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
  for (uint32_t i = 0; i < 5; ++i) t.out({kAck, 1 + i * 1000, 1, 1000});
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
  for (uint32_t i = 0; i < 6; ++i) t.out({kAck, 1 + i * 1000, 1, 1000});
  for (int i = 0; i < 3; ++i) t.in({kAck, 1, 1});
  t.out({kAck, 1, 1, 1000});
  t.in({kAck, 1, 2001});
  t.out({kAck, 2001, 1, 1000});
  t.in({kAck, 1, 6001});
  t.wait(seconds(60));
  t.silence();
  BOOST_TEST(t.stack().counters().timeouts == 0u);
}

// ---- The persist timer (RFC 9293 section 3.8.6.1). ----

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

// ---- Closing. ----

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

// ---- Limits. ----

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

// ---- What an audit of the first version found: each of these failed on it. ----

// The wheel counts from now, not from its last expiry.
BOOST_AUTO_TEST_CASE(a_timeout_after_a_long_idle_time_is_as_precise_as_any) {
  TcpLadder t;
  t.established();
  t.wait(seconds(1000));
  t.send(500);
  t.out({kAck, 1, 1, 500});
  t.out_after(milliseconds(200), {kAck, 1, 1, 500});
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
  for (uint32_t i = 0; i < 10; ++i) t.out({kAck, 1 + i * 1000, 1, 1000});
  t.silence();
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

BOOST_AUTO_TEST_CASE(every_second_segment_is_acknowledged_at_once_whatever_its_size) {
  TcpLadder t;
  t.established();
  t.in({kAck, 1, 1, 900});
  t.silence();
  t.in({kAck, 901, 1, 900});
  t.out({kAck, 1, 1801});
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

BOOST_AUTO_TEST_CASE(an_acknowledgement_with_an_older_window_is_no_duplicate) {
  TcpLadder t;
  t.established();
  t.send(5000);
  for (uint32_t i = 0; i < 5; ++i) t.out({kAck, 1 + i * 1000, 1, 1000});
  t.in({kAck, 101, 1, 10});  // its window is the newest from here on
  t.out({kAck, 5001, 1});
  t.in({kAck, 1, 1});
  t.in({kAck, 1, 1});
  t.window = 50000;
  t.in({kAck, 1, 1});
  t.silence();
  BOOST_TEST(t.stack().counters().fast_retrans == 0u);
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
