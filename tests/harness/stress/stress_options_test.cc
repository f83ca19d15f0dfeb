#include "harness/stress/stress_options.h"

#include <boost/test/unit_test.hpp>
#include <iterator>
#include <sstream>
#include <vector>

#include "harness/command_line.h"

namespace ring3::harness {
namespace {

StressOptions parse(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const Command command = parse_command_line(static_cast<int>(argv.size()), argv.data());
  BOOST_REQUIRE(std::holds_alternative<StressOptions>(command));
  return std::get<StressOptions>(command);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_stress_stress_options)

BOOST_AUTO_TEST_CASE(command_to_repeat_reads_back_as_the_same_run) {
  const char* lines[] = {
      "ring3 stress --all 2 -t 10s --seed 7 --verify --metrics",
      "ring3 stress --pages 1 --lock 3 --ops 500 --memory 64M --seed 0xabc --sequential",
      "ring3 stress --slab 1 --canary write-after-free -t 1500ms --seed 1",
      "ring3 stress --kmalloc 4 --failslab 3,50,0,-1 --fail-page-alloc 1,10,4096,7 --seed 9",
  };
  for (const char* line : lines) {
    const std::string once = command_to_repeat("ring3", "stress", parse(line));
    BOOST_TEST(command_to_repeat("ring3", "stress", parse(once)) == once);
  }
  BOOST_TEST(command_to_repeat("ring3", "stress", parse(lines[1])) ==
             "ring3 stress --pages 1 --lock 3 --ops 500 --memory 64M --seed 2748 --sequential");
}

BOOST_AUTO_TEST_CASE(all_fills_in_what_has_no_number) {
  const StressOptions options = parse("ring3 stress --all 2 --tcp 0 --lock 5");
  BOOST_TEST(options.workers_of(WorkloadKind::kPages) == 2u);
  BOOST_TEST(options.workers_of(WorkloadKind::kLock) == 5u);
  BOOST_TEST(options.workers_of(WorkloadKind::kTcp) == 0u);
}

BOOST_AUTO_TEST_CASE(class_picks_its_workloads_only) {
  const StressOptions options = parse("ring3 stress --class mm --threads 3");
  BOOST_TEST(options.workers_of(WorkloadKind::kPages) == 3u);
  BOOST_TEST(options.workers_of(WorkloadKind::kSlab) == 3u);
  BOOST_TEST(options.workers_of(WorkloadKind::kKmalloc) == 3u);
  BOOST_TEST(options.workers_of(WorkloadKind::kLock) == 0u);
  BOOST_TEST(options.workers_of(WorkloadKind::kTcp) == 0u);
}

BOOST_AUTO_TEST_CASE(memory_is_rounded_up_to_whole_blocks) {
  BOOST_TEST(parse("ring3 stress --all 1 --memory 5M").memory_bytes == 8u << 20);
}

BOOST_AUTO_TEST_CASE(two_runs_without_a_seed_differ) {
  BOOST_TEST(parse("ring3 stress --all 1").seed != parse("ring3 stress --all 1").seed);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
