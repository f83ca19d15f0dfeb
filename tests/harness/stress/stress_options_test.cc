#include "harness/stress/stress_options.h"

#include <boost/test/unit_test.hpp>
#include <iterator>
#include <sstream>
#include <vector>

#include "harness/command_line.h"

namespace ring3::harness {
namespace {

template <class Options>
Options parse_as(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
  std::vector<char*> argv;
  for (std::string& word : words) {
    std::erase(word, '\'');  // as a shell does
    argv.push_back(word.data());
  }
  const Command command = parse_command_line(static_cast<int>(argv.size()), argv.data());
  BOOST_REQUIRE(std::holds_alternative<Options>(command));
  return std::get<Options>(command);
}
StressOptions parse(const std::string& line) { return parse_as<StressOptions>(line); }

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_stress_stress_options)

BOOST_AUTO_TEST_CASE(command_to_repeat_reads_back_as_the_same_run) {
  const char* lines[] = {
      "ring3 stress --all 2 -t 10s --seed 7 --verify --metrics",
      "ring3 stress --pages 1 --lock 3 --ops 500 --memory 64M --seed 0xabc --sequential",
      "ring3 stress --slab 1 --canary write-after-free -t 1500ms --seed 1",
      "ring3 stress --pages 1 --ops 5 --policy kernel --seed 1",
      "ring3 stress --kmalloc 4 --failslab 3,50,0,-1 --fail-page-alloc 1,10,4096,7 --seed 9",
      "ring3 stress --slab 1 --fail-page-alloc 1,10,0,-1,task=slab,min-order=2 --seed 9",
      "ring3 stress --slab 1 --memmap 1M$640K --memmap 4M$0 --seed 9",
      "ring3 stress --slab 1 --zones x86-32 --nodes 3 --seed 9",
  };
  for (const char* line : lines) {
    const std::string once = command_to_repeat("ring3", parse(line));
    BOOST_TEST(command_to_repeat("ring3", parse(once)) == once);
  }
  BOOST_TEST(command_to_repeat("ring3", parse(lines[1])) ==
             "ring3 stress --pages 1 --lock 3 --ops 500 --memory 64M --seed 2748 --sequential");
}

BOOST_AUTO_TEST_CASE(what_a_command_cannot_promise_it_says_and_names_what_can) {
  const StressOptions timed = parse("ring3 stress --all 2 -t 10s --seed 7 --verify --metrics");
  BOOST_TEST(
      what_repeats(timed) ==
      "# The seed repeats what each worker asks for; how far it comes, and who meets whom, the "
      "host decides. A run that repeats exactly:\n"
      "#   make MODE=sim && build/sim/ring3 sim --pages 2 --slab 2 --kmalloc 2 --lock 2 --tcp 2 "
      "--heap 2 --memory 256M --seed 7 --verify\n");
  const StressOptions one = parse("ring3 stress --slab 1 --ops 5 --seed 7 --sequential");
  BOOST_TEST(what_repeats(one) ==
             "# The seed repeats what the worker asks for; on which CPUs, the host decides. A run "
             "that repeats exactly:\n"
             "#   make MODE=sim && build/sim/ring3 sim --slab 1 --ops 5 --memory 256M --seed 7\n");
  for (const StressOptions& options : {timed, one}) {
    const auto sim = parse_as<SimOptions>("ring3 sim" + to_sim_arguments(options));
    BOOST_TEST(sim.stress.workers == options.workers);
    BOOST_TEST(to_sim_arguments(sim.stress) == to_sim_arguments(options));
  }
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
  BOOST_TEST(options.workers_of(WorkloadKind::kHeap) == 3u);
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
