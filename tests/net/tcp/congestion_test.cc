#include "net/tcp/congestion.h"

#include <boost/test/unit_test.hpp>

namespace ring3::net {
namespace {

constexpr uint32_t kMss = 1000;

}  // namespace

BOOST_AUTO_TEST_SUITE(net_congestion)

BOOST_AUTO_TEST_CASE(starts_with_ten_segments) { BOOST_TEST(Congestion(kMss).cwnd() == 10'000u); }

BOOST_AUTO_TEST_CASE(slow_start_adds_at_most_a_segment_an_acknowledgement) {
  Congestion c(kMss);
  c.acked(300);
  BOOST_TEST(c.cwnd() == 10'300u);
  c.acked(5000);
  BOOST_TEST(c.cwnd() == 11'300u);
}

BOOST_AUTO_TEST_CASE(congestion_avoidance_adds_a_segment_a_round_trip) {
  Congestion c(kMss);
  c.enter_recovery(20'000);
  c.leave_recovery(20'000);
  BOOST_TEST(c.cwnd() == 10'000u);
  for (int i = 0; i < 10; ++i) c.acked(kMss);
  BOOST_TEST(c.cwnd() >= 10'900u);
  BOOST_TEST(c.cwnd() <= 11'000u);
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
