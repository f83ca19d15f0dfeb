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
// A past that is short enough for a sanitizer.
const std::string kSmall = "--memory 64M --repeat 1 ";

// Nothing was refused as wrong, and nothing is left, under any policy.
bool all_clean(const nlohmann::json& report) {
  for (const auto& result : report.at("policies")) {
    if (result.at("refused_frees") != 0 || result.at("leaks") != 0) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_replay_cli)

BOOST_AUTO_TEST_CASE(objects_of_a_real_trace_are_replayed_whole) {
  const auto result = run_ring3("replay " + kSmall + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("mode") == "objects");
  BOOST_TEST(json.at("events") == 50414);
  BOOST_TEST(json.at("by_kind").at("kmem_cache_alloc") == 22100);
  BOOST_TEST(json.at("allocs") == 2660 + 22100);
  BOOST_TEST(json.at("frees").get<int>() + json.at("unmatched_frees").get<int>() +
                 json.at("null_frees").get<int>() ==
             9835 + 11378);
  BOOST_TEST(all_clean(json));
  for (const auto& policy : json.at("policies")) {
    BOOST_TEST(policy.at("failed_allocs") == 0);
    BOOST_TEST(policy.at("slices").size() == 96u);
  }
}

BOOST_AUTO_TEST_CASE(pages_of_a_real_trace_are_replayed_whole) {
  const auto result = run_ring3("replay --pages " + kSmall + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("allocs") == 3213);
  BOOST_TEST(json.at("frees").get<int>() + json.at("unmatched_frees").get<int>() == 1228);
  BOOST_TEST(json.at("live_at_end").get<int>() ==
             3213 - json.at("frees").get<int>() - json.at("implicit_frees").get<int>());
  BOOST_TEST(all_clean(json));
  BOOST_TEST(json.at("policies").at(0).at("policy") == "kernel");
  BOOST_TEST(json.at("policies").at(1).at("policy") == "packed");
  BOOST_TEST(json.at("traced_coverage").get<double>() < 0.5);
  BOOST_TEST(json.at("traced_unusable_per_mille").empty());
}

// The same past and the same trace: packed keeps more of what is free in whole 2 MiB blocks.
BOOST_AUTO_TEST_CASE(policies_meet_the_same_past_and_differ) {
  const auto result =
      run_ring3("replay --pages --memory 256M --fill 80% --repeat 1 " + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  const auto& kernel = json.at("policies").at(0);
  const auto& packed = json.at("policies").at(1);
  for (const auto* policy : {&kernel, &packed}) {
    const double pages = policy->at("background_pages");
    BOOST_TEST(pages >= 52428.0);  // 80 % of 65,536
    BOOST_TEST(pages < 52460.0);
  }
  BOOST_TEST(packed.at("whole_percent").get<double>() >
             kernel.at("whole_percent").get<double>() + 10);
}

BOOST_AUTO_TEST_CASE(a_picture_has_a_panel_a_policy) {
  TempFile file;
  const auto result = run_ring3("replay --pages --memory 64M --repeat 1 --policy packed,kernel " +
                                kSample + " --svg " + file.path());
  BOOST_TEST(result.exit_code == 0);
  const std::string svg = contents_of(file.path());
  BOOST_TEST(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  BOOST_TEST(svg.ends_with("</svg>\n"));
  BOOST_TEST(svg.find(">packed: ") < svg.find(">kernel: "));
  BOOST_TEST(contains(svg, "<path fill=\"#2471a3\" fill-opacity=\"1\" d=\"M"));
  BOOST_TEST(contains(result.out, "The trace shows 0.2 % of the frames"));
}

BOOST_AUTO_TEST_CASE(versions_of_the_kernel_stand_side_by_side) {
  const auto result = run_ring3(
      "replay --pages --memory 64M --repeat 1 --policy kernel,kernel-6.12,kernel-6.18 " + kSample);
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "\n  kernel-6.18 "));
  BOOST_TEST(contains(result.out, "\n       kernel   6.12   6.18 kernel   6.12   6.18 "));
}

BOOST_AUTO_TEST_CASE(standard_input_is_a_trace_too) {
  const auto result = run_ring3("bash -c 'zcat " + kSample + " | {} replay " + kSmall + "-'");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "50414 events"));
}

BOOST_AUTO_TEST_CASE(an_arena_too_small_is_counted_and_nothing_breaks) {
  const auto result = run_ring3("replay --pages --memory 4M " + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(all_clean(json));
  for (const auto& policy : json.at("policies")) BOOST_TEST(policy.at("failed_allocs") > 0);
}

BOOST_AUTO_TEST_CASE(broken_lines_are_named_in_the_report) {
  TempFile file("junk\na 1 [000] 1.5: kmem:kfree: call_site=f ptr=(null)\n");
  const auto result = run_ring3("replay " + kSmall + file.path());
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "broken line 1: no event"));
}

BOOST_AUTO_TEST_CASE(the_time_is_the_median_of_as_many_runs_as_asked) {
  const auto result = run_ring3("replay --memory 64M --repeat 3 " + kSample + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("repetitions") == 3);
  for (const auto& policy : json.at("policies")) {
    const double median = policy.at("ns_per_event");
    BOOST_TEST(policy.at("ns_per_event_least").get<double>() <= median);
    BOOST_TEST(policy.at("ns_per_event_most").get<double>() >= median);
    BOOST_TEST(policy.at("ns_per_event_least").get<double>() > 0.0);
  }
}

// Three pages of a block of eight come back one by one; what is left is freed at the end.
BOOST_AUTO_TEST_CASE(parts_of_a_block_are_freed_one_by_one) {
  TempFile file(
      "mm_page_alloc: page=0x1 pfn=0x100 order=3 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_COMP\n"
      "mm_page_free: page=0x1 pfn=0x107 order=0\n"
      "mm_page_free: page=0x1 pfn=0x102 order=1\n");
  const auto result = run_ring3("replay " + kSmall + file.path() + " --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("split_blocks") == 2);
  BOOST_TEST(json.at("frees") == 2);
  BOOST_TEST(all_clean(json));
  for (const auto& policy : json.at("policies")) BOOST_TEST(policy.at("final_bytes") == 5 * 4096);
}

BOOST_AUTO_TEST_CASE(a_mode_without_events_says_which_has) {
  TempFile file("a 1 [000] 1.5: kmem:kfree: call_site=f ptr=(null)\n");
  const auto result = run_ring3("replay --pages " + file.path());
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(contains(result.err, "nothing to replay with --pages"));
}

const char* const kWrong[] = {"replay",
                              "replay /nowhere",
                              "replay /tmp",
                              "replay /dev/null",
                              "replay x --memory 1",
                              "replay x --pages --objects",
                              "replay x --policy",
                              "replay x --policy kernel,",
                              "replay x --policy packed,packed",
                              "replay x --json - --svg -",
                              "replay x --fill 100%",
                              "replay x --fill -1",
                              "replay x --seed z"};
BOOST_DATA_TEST_CASE(wrong_input_exits_2, data::make(kWrong), arguments) {
  const auto result = run_ring3(arguments);
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(result.err != "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::test
