// `ring3 hunt` as people call it.

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/harness/contains.h"
#include "tests/harness/run_program.h"
#include "tests/harness/temp_file.h"

namespace ring3::harness {
namespace {

using test::contains;
using test::run_ring3;
using test::TempFile;

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_hunt_cli)

BOOST_AUTO_TEST_CASE(a_clean_hunt_says_how_far_it_went) {
  const auto result = run_ring3("hunt --seeds 0..255");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "schedules of seeds 0 to 255 in"));
  BOOST_TEST(contains(result.out, "0 findings"));
}

BOOST_AUTO_TEST_CASE(a_budget_ends_a_hunt) {
  const auto result = run_ring3("hunt --target percpu --budget 200ms");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, " a second;"));
}

BOOST_AUTO_TEST_CASE(what_is_found_is_replayed_from_what_was_printed) {
  const auto found = run_ring3("hunt --target canary --seeds 0..999 --shrink");
  BOOST_TEST(found.exit_code == 1);
  BOOST_TEST(contains(found.out, "# failed: canary: handed out"));
  const TempFile story(found.out);
  const auto again = run_ring3("hunt --replay " + story.path() + " --repeat 100");
  BOOST_TEST(again.exit_code == 1);
  BOOST_TEST(contains(again.out, "# found in 100 of 100 replays"));
  BOOST_TEST(contains(again.out, "target canary\ncpus"));
  const auto piped = run_ring3("hunt --replay - < " + story.path());
  BOOST_TEST(piped.exit_code == 1);
}

BOOST_AUTO_TEST_CASE(the_first_finding_can_be_the_end) {
  const auto result = run_ring3("hunt --target canary --first --budget 30s");
  BOOST_TEST(result.exit_code == 1);
  BOOST_TEST(contains(result.out, "seeds 0 to "));
}

BOOST_AUTO_TEST_CASE(json_is_a_line_a_finding_and_one_for_the_sum) {
  const TempFile json;
  const auto result = run_ring3("hunt --target canary --seeds 100..299 --json " + json.path());
  BOOST_TEST(result.exit_code == 1);
  std::ifstream file(json.path());
  std::string line;
  uint64_t findings = 0;
  nlohmann::json last;
  while (std::getline(file, line)) {
    last = nlohmann::json::parse(line);
    if (last["kind"] != "finding") continue;
    ++findings;
    BOOST_TEST(contains(last["story"].get<std::string>(), "target canary"));
    BOOST_TEST(last["count"].get<uint64_t>() >= 1u);
  }
  BOOST_TEST(findings >= 1u);
  BOOST_TEST(last["kind"] == "summary");
  BOOST_TEST(last["first_seed"] == 100);
  BOOST_TEST(last["next_seed"] == 300);
  BOOST_TEST(last["findings"] == findings);
}

BOOST_AUTO_TEST_CASE(wrong_names_and_broken_stories_are_said) {
  const auto target = run_ring3("hunt --target moon");
  BOOST_TEST(target.exit_code == 2);
  BOOST_TEST(contains(
      target.err, "--target: 'moon' is none; use percpu, lock, pages, packed, slab, tcp, or all"));
  const TempFile story("target pages\ntask 0\n  fly 1\n");
  const auto broken = run_ring3("hunt --replay " + story.path());
  BOOST_TEST(broken.exit_code == 2);
  BOOST_TEST(contains(broken.err, story.path() + ": line 3: 'fly' is no operation of pages"));
  const auto missing = run_ring3("hunt --replay /no/such/story");
  BOOST_TEST(missing.exit_code == 2);
  BOOST_TEST(contains(missing.err, "/no/such/story: No such file"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
