// `ring3 pages check` as a user runs it.

#include <boost/test/unit_test.hpp>

#include <string>

#include "tests/harness/contains.h"
#include "tests/harness/run_program.h"

namespace ring3::test {
BOOST_AUTO_TEST_SUITE(harness_pages_cli)

BOOST_AUTO_TEST_CASE(recorded_runs_are_reproduced_and_counted) {
  const auto result =
      run_ring3("pages check tests/data/pages_a-pb9.txt.gz tests/data/pages_da.txt.gz");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(result.out ==
             "a-pb9: 2000 of 2000 operations reproduced\n"
             "da: 2000 of 2000 operations reproduced\n"
             "4000 of 4000 operations of 2 recorded runs reproduced\n");
}

BOOST_AUTO_TEST_CASE(a_difference_is_shown_and_ends_with_1) {
  const auto result = run_ring3(
      "zcat tests/data/pages_a-pb9.txt.gz | sed '100s/^a\\(.*\\) .*/a\\1 7/' | {} pages check -");
  BOOST_TEST(result.exit_code == 1);
  BOOST_TEST(contains(result.out, " of 2000 operations reproduced; then, in -\nline 100: order"));
  BOOST_TEST(contains(result.out, "the kernel gave frame 7, ring3 gives"));
  BOOST_TEST(contains(result.out, "  ring3's state:\n    b "));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_said) {
  for (const char* wrong : {"pages", "pages check", "pages fly"}) {
    BOOST_TEST(run_ring3(wrong).exit_code == 2);
  }
  const auto missing = run_ring3("pages check /nowhere");
  BOOST_TEST(missing.exit_code != 0);
  BOOST_TEST(contains(missing.err, "/nowhere"));
  const auto other = run_ring3("pages check README.md");
  BOOST_TEST(other.exit_code == 2);
  BOOST_TEST(contains(other.err, "README.md: line 1: this is no recorded run"));
  const auto cut = run_ring3("zcat tests/data/pages_da.txt.gz | head -n 500 | {} pages check -");
  BOOST_TEST(cut.exit_code == 2);
  BOOST_TEST(contains(cut.err, "cut off"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ring3::test
