// `ring3 replay` as a user runs it.

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/harness/contains.h"
#include "tests/harness/run_program.h"
#include "tests/harness/temp_file.h"

namespace ring3::test {
namespace {

namespace data = boost::unit_test::data;

const std::string kSample = "tests/data/kmem_trace_net_small.txt.gz";

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_replay_cli)

BOOST_AUTO_TEST_CASE(objects_of_a_real_trace_are_replayed_whole) {
  const auto result = run_ring3("replay " + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("mode") == "objects");
  BOOST_TEST(json.at("events") == 50414);
  BOOST_TEST(json.at("by_kind").at("kmem_cache_alloc") == 22100);
  BOOST_TEST(json.at("allocs") == 2660 + 22100);
  BOOST_TEST(json.at("frees").get<int>() + json.at("unmatched_frees").get<int>() +
                 json.at("null_frees").get<int>() ==
             9835 + 11378);
  BOOST_TEST(json.at("refused_frees") == 0);
  BOOST_TEST(json.at("failed_allocs") == 0);
  BOOST_TEST(json.at("leaks") == 0);
  BOOST_TEST(json.at("fragmentation").size() == 32u);
}

BOOST_AUTO_TEST_CASE(pages_of_a_real_trace_are_replayed_whole) {
  const auto result = run_ring3("replay --pages " + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("allocs") == 3213);
  BOOST_TEST(json.at("frees").get<int>() + json.at("unmatched_frees").get<int>() == 1228);
  BOOST_TEST(json.at("live_at_end").get<int>() ==
             3213 - json.at("frees").get<int>() - json.at("implicit_frees").get<int>());
  BOOST_TEST(json.at("refused_frees") == 0);
}

BOOST_AUTO_TEST_CASE(standard_input_is_a_trace_too) {
  const auto result = run_ring3("bash -c 'zcat " + kSample + " | {} replay -'");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "50414 events"));
}

BOOST_AUTO_TEST_CASE(an_arena_too_small_is_counted_and_nothing_breaks) {
  const auto result = run_ring3("replay --pages --memory 4M " + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("failed_allocs") > 0);
  BOOST_TEST(json.at("refused_frees") == 0);
  BOOST_TEST(json.at("leaks") == 0);
}

BOOST_AUTO_TEST_CASE(broken_lines_are_named_in_the_report) {
  TempFile file("junk\na 1 [000] 1.5: kmem:kfree: call_site=f ptr=(null)\n");
  const auto result = run_ring3("replay " + file.path());
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "broken line 1: no event"));
}

BOOST_AUTO_TEST_CASE(the_time_is_the_median_of_as_many_runs_as_asked) {
  const auto result = run_ring3("replay --repeat 3 " + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("repetitions") == 3);
  const double median = json.at("ns_per_event");
  BOOST_TEST(json.at("ns_per_event_least").get<double>() <= median);
  BOOST_TEST(json.at("ns_per_event_most").get<double>() >= median);
  BOOST_TEST(json.at("ns_per_event_least").get<double>() > 0.0);
}

// Three pages of a block of eight come back one by one; what is left is freed at the end.
BOOST_AUTO_TEST_CASE(parts_of_a_block_are_freed_one_by_one) {
  TempFile file(
      "mm_page_alloc: page=0x1 pfn=0x100 order=3 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_COMP\n"
      "mm_page_free: page=0x1 pfn=0x107 order=0\n"
      "mm_page_free: page=0x1 pfn=0x102 order=1\n");
  const auto result = run_ring3("replay --repeat 1 " + file.path() + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("split_blocks") == 2);
  BOOST_TEST(json.at("frees") == 2);
  BOOST_TEST(json.at("final_bytes") == 5 * 4096);
  BOOST_TEST(json.at("refused_frees") == 0);
  BOOST_TEST(json.at("leaks") == 0);
}

BOOST_AUTO_TEST_CASE(a_mode_without_events_says_which_has) {
  TempFile file("a 1 [000] 1.5: kmem:kfree: call_site=f ptr=(null)\n");
  const auto result = run_ring3("replay --pages " + file.path());
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(contains(result.err, "nothing to replay with --pages"));
}

const char* const kWrong[] = {
    "replay",           "replay /nowhere",     "replay /tmp",
    "replay /dev/null", "replay x --memory 1", "replay x --pages --objects"};
BOOST_DATA_TEST_CASE(wrong_input_exits_2, data::make(kWrong), arguments) {
  const auto result = run_ring3(arguments);
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(result.err != "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::test
