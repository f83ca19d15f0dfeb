#include "harness/hunt/campaign.h"

#include <boost/test/unit_test.hpp>

#include "tests/harness/contains.h"

namespace ring3::harness {
namespace {

using test::contains;

FindingRecord record(const std::string& signature, uint64_t operations, uint64_t seed) {
  return {.ending = "failed",
          .signature = signature,
          .what = "wrong\nhere \"and\" there",
          .target = "canary",
          .seed = seed,
          .strategy = "pct",
          .count = seed,
          .operations = operations,
          .switches = 3,
          .moves = 1,
          .story = "target canary\ntask 0\n  take " + std::to_string(seed) + "\n"};
}

std::string hunt(uint64_t first_seed, uint64_t next_seed) {
  return to_json(HuntSummary{.first_seed = first_seed,
                             .next_seed = next_seed,
                             .schedules = 100,
                             .steps = 1000,
                             .seconds = 2,
                             .cpu_seconds = 1.5,
                             .findings = 7});
}

std::string refusal(const std::string& lines) {
  Campaign campaign;
  const Status added = campaign.add(lines);
  BOOST_TEST(campaign.findings().empty());
  return added.ok() ? "" : added.error().message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_hunt_campaign)

BOOST_AUTO_TEST_CASE(a_signature_is_one_finding_with_its_cheapest_story) {
  Campaign campaign;
  BOOST_TEST(
      campaign.add(to_json(record("a", 5, 7)) + to_json(record("b", 2, 9)) + hunt(0, 100)).ok());
  BOOST_TEST(campaign.add(to_json(record("a", 3, 100)) + hunt(100, 200)).ok());
  BOOST_TEST(campaign.add(to_json(record("a", 3, 300)) + hunt(200, 400)).ok());
  BOOST_REQUIRE(campaign.findings().size() == 2u);
  const FindingRecord& a = campaign.findings().at("a");
  BOOST_TEST(a.count == 407u);
  BOOST_TEST(a.operations == 3u);
  BOOST_TEST(a.seed == 100u);
  BOOST_TEST(contains(a.story, "take 100"));
  const HuntSummary sum = campaign.summary();
  BOOST_TEST(sum.hunts == 3u);
  BOOST_TEST(sum.first_seed == 0u);
  BOOST_TEST(sum.next_seed == 400u);
  BOOST_TEST(sum.schedules == 300u);
  BOOST_TEST(sum.steps == 3000u);
  BOOST_TEST(sum.cpu_seconds == 4.5);
  BOOST_TEST(sum.findings == 2u);
}

BOOST_AUTO_TEST_CASE(what_was_put_together_can_be_put_together_again) {
  Campaign parts;
  BOOST_TEST(parts.add(to_json(record("a", 5, 7)) + hunt(0, 10) + hunt(10, 20)).ok());
  std::string lines;
  for (const auto& [signature, one] : parts.findings()) lines += to_json(one);
  Campaign whole;
  BOOST_TEST(whole.add(lines + to_json(parts.summary())).ok());
  BOOST_TEST(whole.summary().hunts == 2u);
  BOOST_TEST(to_json(whole.summary()) == to_json(parts.summary()));
  BOOST_TEST(to_json(whole.findings().at("a")) == to_json(record("a", 5, 7)));
}

BOOST_AUTO_TEST_CASE(the_text_of_a_finding_is_comments_and_its_story) {
  BOOST_TEST(
      to_text(record("a", 5, 1)) ==
      "# failed: a\n#   wrong\n#   here \"and\" there\n# seed 1, strategy pct, found 1 time\n"
      "target canary\ntask 0\n  take 1\n");
}

BOOST_AUTO_TEST_CASE(lines_that_are_none_are_named_and_nothing_is_taken) {
  const std::string good = to_json(record("a", 5, 7));
  BOOST_TEST(refusal("") == "ends without a summary: the hunt was cut off");
  BOOST_TEST(refusal(good) == "ends without a summary: the hunt was cut off");
  BOOST_TEST(refusal(hunt(0, 1) + good) == "ends without a summary: the hunt was cut off");
  for (const std::string wrong :
       {"{", "[]", "7", "{\"kind\":3}", "{\"kind\":\"report\"}", "\xff"}) {
    BOOST_TEST(refusal(good + wrong + "\n" + hunt(0, 1)) ==
               "line 2 is no line of `ring3 hunt --json`: an object of kind finding or summary");
  }
  BOOST_TEST(refusal("{\"kind\":\"finding\"}\n" + hunt(0, 1)) == "line 1 has no right 'signature'");
  std::string negative = good;
  negative.replace(negative.find("\"seed\":7"), 8, "\"seed\":-7");
  BOOST_TEST(refusal(negative + hunt(0, 1)) == "line 1 has no right 'seed'");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
