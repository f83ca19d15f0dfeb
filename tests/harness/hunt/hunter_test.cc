#include "harness/hunt/hunter.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

namespace ring3::harness {

namespace data = boost::unit_test::data;

std::ostream& operator<<(std::ostream& out, StrategyKind kind);

BOOST_AUTO_TEST_SUITE(harness_hunt_hunter)

const std::string kTwice = "canary: handed out to two at once";

HuntPlan plan_for(const char* target, uint64_t seeds) {
  return {.targets = {find_target(target)},
          .strategy = std::nullopt,
          .first_seed = 0,
          .last_seed = seeds - 1,
          .shrink = false};
}

Hunter hunted(const HuntPlan& plan) {
  Hunter hunter(plan);
  while (hunter.hunt_next()) {
  }
  return hunter;
}

BOOST_AUTO_TEST_CASE(the_allocators_and_locks_are_clean) {
  for (const TargetInfo* target : targets()) {
    const Hunter hunter = hunted(plan_for(target->name.data(), 1500));
    for (const auto& [signature, finding] : hunter.findings()) {
      BOOST_TEST_INFO(to_text(record_of(finding)));
      BOOST_TEST(signature == "");
    }
    BOOST_TEST(hunter.schedules() > 1500u);
    BOOST_TEST(hunter.done());
  }
}

BOOST_DATA_TEST_CASE(each_strategy_finds_a_planted_race, data::make(kStrategies), kind) {
  HuntPlan plan = plan_for("canary", 500);
  plan.strategy = kind;
  const Hunter hunter = hunted(plan);
  BOOST_REQUIRE(hunter.findings().contains(kTwice));
  const Finding& finding = hunter.findings().at(kTwice);
  BOOST_CHECK(finding.strategy == kind);
  BOOST_TEST(finding.count > 1u);
}

BOOST_AUTO_TEST_CASE(a_seed_is_found_again_by_itself) {
  const Hunter hunter = hunted(plan_for("canary", 500));
  const Finding& finding = hunter.findings().at(kTwice);
  HuntPlan plan = plan_for("canary", 500);
  plan.first_seed = plan.last_seed = finding.seed;
  const Hunter again = hunted(plan);
  BOOST_REQUIRE(again.findings().contains(kTwice));
  BOOST_TEST(again.findings().at(kTwice).verdict.trace_hash == finding.verdict.trace_hash);
}

BOOST_AUTO_TEST_CASE(a_finding_replays_a_hundred_times_of_a_hundred_and_shrinks) {
  const Hunter hunter = hunted(plan_for("canary", 500));
  const Finding& found = hunter.findings().at(kTwice);
  StackPool stacks;
  const Finding small = shrink(found, stacks);
  BOOST_TEST(small.verdict.signature == found.verdict.signature);
  // Two who look before either stores, and one who stays to meet the other.
  BOOST_TEST(small.scenario.tasks.size() == 2u);
  BOOST_TEST(small.scenario.op_count() == 2u);
  BOOST_TEST(small.verdict.schedule.switches.size() <= 2u);
  BOOST_TEST(small.verdict.schedule.moves.empty());
  const auto story = parse_story(to_text(record_of(small)), ops_of_target);
  BOOST_REQUIRE(story.ok());
  for (int i = 0; i < 100; ++i) {
    const Verdict verdict = run_scenario(story->scenario, *make_replay(story->schedule), stacks);
    BOOST_REQUIRE(verdict.signature == found.verdict.signature);
    BOOST_REQUIRE(verdict.trace_hash == small.verdict.trace_hash);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
