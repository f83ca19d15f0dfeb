#include "lib/cpu/limited_reports.h"

#include <boost/test/unit_test.hpp>

#include "tests/recording_sink.h"

namespace ring3 {
namespace {

struct Fixture {
  void report(int times) {
    for (int i = 0; i < times; ++i) {
      reports->report([&] {
        ++made;
        return std::string("mistake\n");
      });
    }
  }
  test::RecordingSink sink;
  ManualClock clock;
  int made = 0;
  std::unique_ptr<LimitedReports> reports =
      std::make_unique<LimitedReports>(sink, kMisuseLimit, clock);
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lib_limited_reports, Fixture)

BOOST_AUTO_TEST_CASE(a_burst_is_shown_and_the_rest_is_counted) {
  report(1000);
  BOOST_TEST(sink.count() == kMisuseLimit.burst);
  BOOST_TEST(made == static_cast<int>(kMisuseLimit.burst));
  BOOST_TEST(reports->count() == 1000u);
}

BOOST_AUTO_TEST_CASE(the_next_period_begins_with_how_many_were_suppressed) {
  report(70);
  clock.advance(kMisuseLimit.period - Nanos(1));
  report(1);
  BOOST_TEST(sink.count() == 60u);
  clock.advance(Nanos(1));
  report(60);
  BOOST_TEST(sink.count() == 121u);
  BOOST_TEST(sink.at(60) ==
             "ring3: 11 more reports of misuse suppressed: at most 60 in 60 s are shown\n");
  report(1);
  BOOST_TEST(sink.count() == 121u);
}

BOOST_AUTO_TEST_CASE(the_end_says_how_many_were_suppressed) {
  report(61);
  reports.reset();
  BOOST_TEST(sink.last_raw().find("ring3: 1 more reports of misuse suppressed") == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_said_once_knows_no_limit) {
  report(100);
  reports->report_always("leak\n");
  BOOST_TEST(sink.last_raw() == "leak\n");
  BOOST_TEST(reports->count() == 101u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
