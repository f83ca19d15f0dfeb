#include "net/tcp/congestion.h"

#include <boost/test/unit_test.hpp>

namespace ring3::net {
namespace {

constexpr uint32_t kMss = 1000;

}  // namespace

BOOST_AUTO_TEST_SUITE(net_congestion)

BOOST_AUTO_TEST_CASE(starts_with_ten_segments) { BOOST_TEST(Congestion(kMss).cwnd() == 10'000u); }

BOOST_AUTO_TEST_CASE(slow_start_adds_what_was_acknowledged_up_to_two_segments) {
  Congestion c(kMss);
  c.acked(300, 10'000);
  BOOST_TEST(c.cwnd() == 10'300u);
  c.acked(5000, 10'000);
  BOOST_TEST(c.cwnd() == 12'300u);
}

BOOST_AUTO_TEST_CASE(a_window_that_is_not_used_does_not_grow) {
  Congestion c(kMss);
  c.acked(1000, 1000);
  c.acked(1000, 9000);  // another segment would have fitted
  BOOST_TEST(c.cwnd() == 10'000u);
  c.acked(1000, 9001);
  BOOST_TEST(c.cwnd() == 11'000u);
  c.timed_out(10'000, true);
  for (uint32_t i = 0; i < 100; ++i) c.acked(kMss, c.cwnd());
  const uint32_t avoiding = c.cwnd();
  for (int i = 0; i < 100; ++i) c.acked(kMss, kMss);
  BOOST_TEST(c.cwnd() == avoiding);
}

BOOST_AUTO_TEST_CASE(after_a_timeout_slow_start_adds_one_segment_at_a_time) {
  Congestion c(kMss);
  c.timed_out(20'000, true);
  c.acked(8000, 8000);
  BOOST_TEST(c.cwnd() == 2000u);
  while (c.cwnd() < c.ssthresh()) c.acked(kMss, c.cwnd());
  BOOST_TEST(c.cwnd() == 10'000u);
}

BOOST_AUTO_TEST_CASE(the_window_stays_at_the_largest_there_is) {
  Congestion c(65'000);
  const uint32_t largest = std::numeric_limits<uint32_t>::max();
  for (int i = 0; i < 100'000; ++i) c.acked(130'000, c.cwnd());
  BOOST_TEST(c.cwnd() == largest);
  for (int i = 0; i < 100; ++i) c.duplicate_ack();
  BOOST_TEST(c.cwnd() == largest);
  c.enter_recovery(largest);
  c.partial_ack(largest);
  for (int i = 0; i < 100'000; ++i) c.duplicate_ack();
  BOOST_TEST(c.cwnd() == largest);
}

BOOST_AUTO_TEST_CASE(a_lost_syn_leaves_one_segment_and_idle_time_the_initial_window) {
  Congestion c(kMss);
  c.acked(2000, 10'000);
  c.restart_after_idle();
  BOOST_TEST(c.cwnd() == 10'000u);
  c.syn_was_lost();
  c.restart_after_idle();
  BOOST_TEST(c.cwnd() == 1000u);
}

BOOST_AUTO_TEST_CASE(congestion_avoidance_adds_a_segment_for_each_window_of_bytes) {
  Congestion c(kMss);
  c.enter_recovery(20'000);
  c.leave_recovery(20'000);
  BOOST_TEST(c.cwnd() == 10'000u);
  for (int i = 0; i < 9; ++i) c.acked(kMss, 10'000);
  BOOST_TEST(c.cwnd() == 10'000u);
  c.acked(kMss, 10'000);
  BOOST_TEST(c.cwnd() == 11'000u);
  // Acknowledgements of half segments stand for as many bytes, not for as many segments.
  for (int i = 0; i < 21; ++i) c.acked(kMss / 2, 11'000);
  BOOST_TEST(c.cwnd() == 11'000u);
  c.acked(kMss / 2, 11'000);
  BOOST_TEST(c.cwnd() == 12'000u);
}

BOOST_AUTO_TEST_CASE(recovery_halves_and_inflates) {
  Congestion c(kMss);
  c.enter_recovery(10'000);
  BOOST_TEST(c.in_recovery());
  BOOST_TEST(c.ssthresh() == 5000u);
  BOOST_TEST(c.cwnd() == 8000u);
  c.duplicate_ack();
  BOOST_TEST(c.cwnd() == 9000u);
  c.partial_ack(2000);
  BOOST_TEST(c.cwnd() == 8000u);
  c.leave_recovery(1000);
  BOOST_TEST(!c.in_recovery());
  BOOST_TEST(c.cwnd() == 2000u);
}

BOOST_AUTO_TEST_CASE(a_timeout_leaves_one_segment_and_halves_once) {
  Congestion c(kMss);
  c.timed_out(10'000, true);
  BOOST_TEST(c.cwnd() == kMss);
  BOOST_TEST(c.ssthresh() == 5000u);
  c.timed_out(1000, false);
  BOOST_TEST(c.ssthresh() == 5000u);
}

BOOST_AUTO_TEST_CASE(never_less_than_two_segments_to_grow_to) {
  Congestion c(kMss);
  c.timed_out(500, true);
  BOOST_TEST(c.ssthresh() == 2 * kMss);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
