// `ring3 campaign merge` as people call it.

#include <boost/test/unit_test.hpp>

#include "harness/hunt/campaign.h"
#include "tests/harness/contains.h"
#include "tests/harness/run_program.h"
#include "tests/harness/temp_file.h"

namespace ring3::harness {

using test::contains;
using test::run_ring3;
using test::TempFile;

BOOST_AUTO_TEST_SUITE(harness_campaign_cli)

BOOST_AUTO_TEST_CASE(files_of_hunts_become_one) {
  const FindingRecord found{.ending = "deadlock",
                            .signature = "lock: nobody can go on:",
                            .what = "nobody can go on:",
                            .target = "lock",
                            .strategy = "pos",
                            .story = "target lock\ntask 0\n  hold 0\n"};
  const TempFile one(to_json(found) + to_json(HuntSummary{.schedules = 10}));
  const TempFile other(to_json(found) + to_json(HuntSummary{.schedules = 5}));
  const auto merged = run_ring3("campaign merge " + one.path() + " " + other.path());
  BOOST_TEST(merged.exit_code == 1);
  BOOST_TEST(contains(merged.out, "# deadlock: lock: nobody can go on:\n"));
  BOOST_TEST(contains(merged.out, "found 2 times\ntarget lock\ntask 0\n  hold 0\n"));
  BOOST_TEST(contains(merged.out, "# 2 hunts, 15 schedules, 0.0 CPU-seconds; 1 finding\n"));
  const auto again = run_ring3("{} campaign merge --json - " + one.path() +
                               " 2>/dev/null | $RING3 campaign merge -");
  BOOST_TEST(again.exit_code == 1);
  BOOST_TEST(contains(again.out, "# 1 hunt, 10 schedules"));
}

BOOST_AUTO_TEST_CASE(a_campaign_without_findings_is_clean) {
  const TempFile clean(to_json(HuntSummary{.schedules = 10}));
  const auto merged = run_ring3("campaign merge " + clean.path());
  BOOST_TEST(merged.exit_code == 0);
  BOOST_TEST(contains(merged.out, "0 findings"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_merged_is_named) {
  const TempFile cut("{\"kind\":\"find");
  const auto broken = run_ring3("campaign merge " + cut.path());
  BOOST_TEST(broken.exit_code == 2);
  BOOST_TEST(contains(broken.err, cut.path() + ": line 1 is no line of `ring3 hunt --json`"));
  BOOST_TEST(run_ring3("campaign merge /no/such/file").exit_code == 2);
  BOOST_TEST(run_ring3("campaign merge").exit_code == 2);
  const auto nothing = run_ring3("campaign");
  BOOST_TEST(nothing.exit_code == 2);
  const auto wrong = run_ring3("campaign merg x");
  BOOST_TEST(wrong.exit_code == 2);
  BOOST_TEST(contains(wrong.err, "unknown command merg; did you mean merge?"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
