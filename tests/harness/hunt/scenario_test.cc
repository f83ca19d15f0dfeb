#include "harness/hunt/scenario.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "harness/hunt/target.h"

namespace ring3::harness {

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(harness_hunt_scenario)

BOOST_AUTO_TEST_CASE(a_story_reads_back_as_it_was_written) {
  for (const TargetInfo* target : targets()) {
    for (uint64_t number = 0; number < 200; ++number) {
      const Scenario scenario = make_scenario(*target, number);
      BOOST_REQUIRE(scenario.op_count() >= 2u);
      const Schedule schedule{.switches = {{.step = 1, .task = 1}, {.step = 7, .task = 0}},
                              .moves = {{.step = 3, .cpu = 1}}};
      const std::string text = to_text(scenario, target->ops) + to_text(schedule);
      const auto story = parse_story(text, ops_of_target);
      BOOST_REQUIRE(story.ok());
      BOOST_TEST((story->scenario == scenario));
      BOOST_TEST((story->schedule == schedule));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_story_ends_where_the_next_begins_and_comments_are_not_read) {
  const auto story = parse_story(
      "# failed: pages: something\n\ntarget percpu\r\ncpus 1\ntask 0  # the first\n  push\n\n"
      "target nonsense\n",
      ops_of_target);
  BOOST_REQUIRE(story.ok());
  BOOST_TEST(story->scenario.op_count() == 1u);
  BOOST_TEST(story->scenario.cpus == 1u);
}

struct Broken {
  const char* text;
  const char* says;
};
std::ostream& operator<<(std::ostream& out, const Broken& broken);
std::ostream& operator<<(std::ostream& out, const Broken& broken) { return out << broken.text; }
const Broken kBroken[] = {
    {"", "there is no task"},
    {"cpus 2\n", "line 1: the story begins with 'target NAME'"},
    {"target\n", "line 1: use 'target NAME'"},
    {"target moon\n", "line 1: 'moon' is no target"},
    {"target pages\ncpus 0\n", "line 2: use 'cpus N' with 1 to 64"},
    {"target pages\ncpus x\n", "line 2: use 'cpus N'"},
    {"target pages\nalloc 0 0\n", "line 2: an operation before any 'task CPU'"},
    {"target pages\ntask 2\n", "line 2: use 'task CPU' with a CPU below 2"},
    {"target pages\ntask 0\nalloc 0\n", "line 3: use 'alloc N1 N2' with N1 below 3 and N2 below 4"},
    {"target pages\ntask 0\nalloc 3 0\n", "line 3: use 'alloc N1 N2'"},
    {"target pages\ntask 0\nfly\n", "line 3: 'fly' is no operation of pages"},
    {"target pages\ntask 0\nswitch 5\n", "line 3: use 'switch STEP TASK'"},
    {"target pages\ntask 0\nswitch 5 0\nswitch 5 1\n", "line 4: use 'switch STEP TASK'"},
    {"target pages\ntask 0\nmove -1 0\n", "line 3: use 'move STEP CPU'"},
};
BOOST_DATA_TEST_CASE(a_broken_line_is_named, data::make(kBroken), broken) {
  const auto story = parse_story(broken.text, ops_of_target);
  BOOST_REQUIRE(!story.ok());
  BOOST_TEST_INFO(story.error().message);
  BOOST_TEST(story.error().message.find(broken.says) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
