// `ring3 sim` as people call it.

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/harness/contains.h"
#include "tests/harness/run_program.h"
#include "tests/harness/temp_file.h"

namespace ring3::harness {
namespace {

using test::contains;
using test::run_ring3;

std::string hash_of(const std::string& text) {
  const size_t at = text.find("trace-hash=");
  BOOST_REQUIRE(at != std::string::npos);
  return text.substr(at, 29);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_sim_cli)

BOOST_AUTO_TEST_CASE(a_seed_is_one_run) {
  std::set<std::string> hashes;
  for (const char* seed : {"1", "2", "3"}) {
    const std::string arguments = std::string("sim --ops 60 --seed ") + seed;
    const auto first = run_ring3(arguments);
    BOOST_TEST(first.exit_code == 0);
    BOOST_TEST(contains(first.out, "finished: no errors"));
    const auto second = run_ring3(arguments);
    BOOST_TEST(first.out == second.out);
    hashes.insert(hash_of(first.out));
  }
  BOOST_TEST(hashes.size() == 3u);
}

BOOST_AUTO_TEST_CASE(the_command_it_prints_gives_the_same_run) {
  const auto first = run_ring3("sim --ops 40 --seed 9");
  const std::string command = first.out.substr(0, first.out.find('\n'));
  BOOST_TEST(contains(command, " sim "));
  BOOST_TEST(contains(command, " --cpus "));
  BOOST_TEST(contains(command, " --strategy "));
  const auto again = run_ring3(command.substr(command.find(" sim ") + 1));
  BOOST_TEST(hash_of(again.out) == hash_of(first.out));
}

BOOST_AUTO_TEST_CASE(a_machine_of_any_size_is_simulated) {
  const auto result = run_ring3("sim --all 1 --ops 30 --cpus 64 --nodes 4 --seed 5");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "--cpus 64 --nodes 4"));
  const auto impossible = run_ring3("sim --lock 1 --ops 1 --cpus 2 --nodes 3");
  BOOST_TEST(impossible.exit_code == 2);
  BOOST_TEST(contains(impossible.err, "a machine of 2 CPUs in 3 nodes is not possible"));
}

BOOST_AUTO_TEST_CASE(planted_bugs_are_found) {
  const auto abba = run_ring3("sim --lock 2 --ops 200 --canary abba --seed 1");
  BOOST_TEST(abba.exit_code == 1);
  BOOST_TEST(contains(abba.out, "FAILED: 1 errors (1 reports"));
  const auto late = run_ring3("sim --slab 2 --ops 2000 --canary write-after-free --seed 1");
  BOOST_TEST(late.exit_code == 1);
}

BOOST_AUTO_TEST_CASE(the_schedule_can_be_written_down) {
  const test::TempFile trace;
  const auto result = run_ring3("sim --lock 2 --ops 50 --seed 4 --trace " + trace.path());
  BOOST_TEST(result.exit_code == 0);
  const std::string text = test::contents_of(trace.path());
  BOOST_TEST(text.find("# ") == 0u);
  BOOST_TEST(contains(text, "\nswitch "));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
