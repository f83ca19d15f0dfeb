#include "net/tcp/rtt.h"

#include <boost/test/unit_test.hpp>

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_rtt)

BOOST_AUTO_TEST_CASE(starts_with_a_second) {
  BOOST_CHECK(RttEstimator(TcpConfig{}).rto() == seconds(1));
}

// (2.2): SRTT = R, RTTVAR = R/2, RTO = R + 4 * R/2.
BOOST_AUTO_TEST_CASE(the_first_sample_counts_whole) {
  RttEstimator rtt(TcpConfig{});
  rtt.sample(milliseconds(400));
  BOOST_CHECK(rtt.srtt() == milliseconds(400));
  BOOST_CHECK(rtt.rttvar() == milliseconds(200));
  BOOST_CHECK(rtt.rto() == milliseconds(1200));
}

// (2.3): RTTVAR = 3/4 * 200 + 1/4 * |400 - 800| = 250, SRTT = 7/8 * 400 + 1/8 * 800 = 450.
BOOST_AUTO_TEST_CASE(later_samples_are_averaged) {
  RttEstimator rtt(TcpConfig{});
  rtt.sample(milliseconds(400));
  rtt.sample(milliseconds(800));
  BOOST_CHECK(rtt.srtt() == milliseconds(450));
  BOOST_CHECK(rtt.rttvar() == milliseconds(250));
  BOOST_CHECK(rtt.rto() == milliseconds(1450));
}

BOOST_AUTO_TEST_CASE(stays_between_its_limits) {
  RttEstimator fast(TcpConfig{});
  fast.sample(microseconds(10));
  BOOST_CHECK(fast.rto() == milliseconds(200));
  RttEstimator slow(TcpConfig{});
  slow.sample(seconds(300));
  BOOST_CHECK(slow.rto() == seconds(120));
}

BOOST_AUTO_TEST_CASE(backs_off_to_the_maximum_and_returns) {
  RttEstimator rtt(TcpConfig{});
  rtt.sample(milliseconds(400));
  for (const int ms : {2400, 4800, 9600, 19200, 38400, 76800, 120000, 120000}) {
    rtt.back_off();
    BOOST_CHECK(rtt.rto() == milliseconds(ms));
  }
  rtt.sample(milliseconds(400));
  BOOST_TEST(rtt.backoff() == 0u);
}

// (5.7)
BOOST_AUTO_TEST_CASE(a_lost_syn_makes_data_start_with_3_seconds) {
  RttEstimator rtt(TcpConfig{});
  rtt.back_off();
  rtt.start_over_after_syn_loss();
  BOOST_CHECK(rtt.rto() == seconds(3));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
