// `ring3 stress` as a user runs it.

#include <unistd.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/harness/contains.h"
#include "tests/harness/run_program.h"

namespace ring3::test {
namespace {

namespace data = boost::unit_test::data;

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }
std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of('\n');
  return text.substr(text.rfind('\n', end) + 1, end - text.rfind('\n', end));
}
// A sanitizer's shadow does not fit a limited address space.
boost::test_tools::assertion_result not_sanitized(boost::unit_test::test_unit_id) {
  const std::string variant = RING3_BUILD;
  return !contains(variant, "address") && !contains(variant, "thread") &&
         !contains(variant, "memory");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(harness_stress_cli)

BOOST_AUTO_TEST_CASE(a_clean_run_of_everything_exits_0) {
  const auto result = run_ring3("stress --all 2 --ops 3000 --verify --metrics --seed 1");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "no errors"));
  BOOST_TEST(result.err == "");
}

BOOST_AUTO_TEST_CASE(first_and_last_line_repeat_the_requests) {
  const auto result = run_ring3("stress --lock 1 --ops 1000");
  BOOST_TEST(first_line(result.out) == last_line(result.out));
  const std::string repeats = "\n# The seed repeats what the worker asks for; ";
  BOOST_TEST(result.out.find(repeats) != result.out.rfind(repeats));
  BOOST_TEST(contains(first_line(result.out), " stress --lock 1 --ops 1000 --memory 256M --seed "));
}

BOOST_AUTO_TEST_CASE(json_says_what_every_workload_did) {
  const auto result =
      run_ring3("stress --all 1 --tcp 0 --ops 2000 --seed 18446744073709551615 --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("schema_version") == 1);
  BOOST_TEST(json.at("seed") == "18446744073709551615");
  BOOST_TEST(json.at("workloads").size() == 6u);
  for (const auto& workload : json.at("workloads")) {
    const bool runs = workload.at("name") != "tcp";
    BOOST_TEST(workload.at("skipped").is_null() == runs);
    BOOST_TEST(workload.at("ops") == (runs ? 2000 : 0));
    BOOST_TEST(workload.at("errors") == 0);
    if (runs) BOOST_TEST(workload.at("max_ns") >= workload.at("p50_ns"));
  }
  // The text for people is on the other stream.
  BOOST_TEST(contains(result.err, "no errors"));
}

// tcp takes much longer than the others, whose rates must not suffer from it.
BOOST_AUTO_TEST_CASE(a_workload_is_timed_until_its_own_end) {
  const auto result = run_ring3("stress --lock 1 --tcp 1 --ops 20000 --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  const double lock = json.at("workloads")[3].at("real_s");
  const double tcp = json.at("workloads")[4].at("real_s");
  BOOST_TEST(lock > 0.0);
  BOOST_TEST(lock < tcp);
  BOOST_TEST(tcp < double(json.at("real_s")));
}

BOOST_AUTO_TEST_CASE(allocations_and_frees_balance_in_the_counters) {
  const auto result = run_ring3("stress --class mm --threads 2 --ops 5000 --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  const auto& counts = json.at("tracepoints");
  BOOST_TEST(counts.at("mm_page_alloc") > 0);
  BOOST_TEST(counts.at("mm_page_alloc") == counts.at("mm_page_free"));
  BOOST_TEST(counts.at("kmem_cache_alloc") == counts.at("kmem_cache_free"));
  BOOST_TEST(counts.at("kmalloc") == counts.at("kfree"));
}

BOOST_AUTO_TEST_CASE(yaml_has_the_same_document) {
  const auto result = run_ring3("stress --lock 1 --ops 1000 --yaml -");
  BOOST_TEST(contains(result.out, "---\nschema_version: 1\n"));
  BOOST_TEST(contains(result.out, "\n    name: \"lock\"\n    skipped: null\n"));
}

BOOST_AUTO_TEST_CASE(sequential_runs_every_workload) {
  const auto result = run_ring3("stress --all 1 --sequential --ops 1000 --json -");
  BOOST_REQUIRE(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  for (const auto& workload : json.at("workloads")) {
    BOOST_TEST(workload.at("ops") == 1000);
  }
}

BOOST_AUTO_TEST_CASE(injected_faults_are_failures_and_not_errors) {
  const auto result = run_ring3(
      "stress --all 1 --ops 4000 --failslab 1,20,0,-1 --fail-page-alloc 1,20,0,-1 --verify --json "
      "-");
  BOOST_TEST(result.exit_code == 0);
  const auto json = nlohmann::json::parse(result.out);
  BOOST_TEST(json.at("faults_injected").at("failslab") > 0);
  BOOST_TEST(json.at("faults_injected").at("fail_page_alloc") > 0);
  BOOST_TEST(json.at("workloads")[0].at("failures") > 0);
}

BOOST_AUTO_TEST_CASE(a_full_arena_is_a_failure_and_not_an_error) {
  const auto result = run_ring3("stress --class mm --threads 2 --ops 20000 --memory 4M --json -");
  BOOST_TEST(result.exit_code == 0);
}

BOOST_AUTO_TEST_CASE(memory_is_packed_or_as_the_kernel_has_it) {
  for (const std::string policy : {"kernel", "packed"}) {
    const auto result =
        run_ring3("stress --class mm --threads 1 --ops 5000 --json - --policy " + policy);
    BOOST_REQUIRE(result.exit_code == 0);
    BOOST_TEST(nlohmann::json::parse(result.out).at("config").at("policy") == policy);
  }
}

BOOST_AUTO_TEST_CASE(a_write_after_free_is_found) {
  const auto result = run_ring3("stress --slab 1 --ops 20000 --canary write-after-free");
  BOOST_TEST(result.exit_code == 1);
  BOOST_TEST((contains(result.err, "constructed object came back in another state") ||
              contains(result.err, "use-after-poison")));
}

BOOST_AUTO_TEST_CASE(an_abba_is_found) {
  const auto result = run_ring3("stress --lock 2 --ops 1000 --canary abba");
  BOOST_TEST(result.exit_code == 1);
  BOOST_TEST(contains(result.err, "WARNING: possible circular locking dependency detected"));
  BOOST_TEST(contains(result.err, "lock(canary->A);"));
}

BOOST_AUTO_TEST_CASE(nothing_that_can_run_exits_4) {
  const auto result = run_ring3("stress --tcp 1 --memory 4M --ops 10");
  BOOST_TEST(result.exit_code == 4);
  BOOST_TEST(contains(result.out, "skipped: needs --memory"));
}

BOOST_AUTO_TEST_CASE(a_refused_arena_exits_3, *boost::unit_test::precondition(not_sanitized)) {
  const auto result =
      run_ring3("bash -c 'ulimit -v 100000; exec {} stress --all 1 --memory 8T --ops 1'");
  BOOST_TEST(result.exit_code == 3);
  BOOST_TEST(contains(result.err, "cannot reserve"));
}

BOOST_AUTO_TEST_CASE(sigint_ends_the_run_with_its_report) {
  const auto result = run_ring3("timeout -s INT 1 {} stress --lock 1 --slab 1 -t 60s --metrics");
  BOOST_TEST(contains(result.out, "interrupted: no errors"));
  BOOST_TEST(contains(result.out, "slabinfo - version: 2.1"));
}

BOOST_AUTO_TEST_CASE(sigusr1_shows_the_state_and_goes_on) {
  const auto result =
      run_ring3("bash -c '{} stress --slab 1 -t 2s & sleep 1; kill -USR1 $!; wait $!'");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.err, "Node 0, zone"));
  BOOST_TEST(contains(result.err, "slabinfo - version: 2.1"));
}

BOOST_AUTO_TEST_CASE(progress_is_a_line_a_second) {
  const auto result = run_ring3("stress --lock 1 -t 2500ms --progress");
  BOOST_TEST(contains(result.err, "[   1s] lock "));
  BOOST_TEST(contains(result.err, "[   2s] lock "));
}

BOOST_AUTO_TEST_CASE(sighup_ends_a_run_like_sigint) {
  const auto result = run_ring3("timeout -s HUP 1 {} stress --lock 1 -t 60s");
  BOOST_TEST(contains(result.out, "interrupted: no errors"));
}

BOOST_AUTO_TEST_CASE(a_crash_ends_with_its_signal, *boost::unit_test::precondition(not_sanitized)) {
  const auto result =
      run_ring3("bash -c '{} stress --lock 1 -t 20s & sleep 1; kill -SEGV $!; wait $!'");
  BOOST_TEST(result.exit_code == 128 + 11);
  BOOST_TEST(contains(result.err, "ring3: crashed by signal 11"));
  BOOST_TEST(contains(result.err, "ring3: repeat its requests with: "));
}

// The caches line by line are for who asks.
BOOST_AUTO_TEST_CASE(slabinfo_is_a_metric) {
  BOOST_TEST(!contains(run_ring3("stress --slab 1 --ops 500").out, "slabinfo - version"));
  BOOST_TEST(contains(run_ring3("stress --slab 1 --ops 500 --metrics").out, "slabinfo - version"));
}

BOOST_AUTO_TEST_CASE(latencies_have_one_unit) {
  const auto result = run_ring3("stress --lock 1 --ops 5000");
  BOOST_TEST(contains(result.out, "p50 us"));
  const size_t row = result.out.find("\nlock ");
  BOOST_REQUIRE(row != std::string::npos);
  const std::string line = result.out.substr(row + 1, result.out.find('\n', row + 1) - row - 1);
  BOOST_TEST(line.find_first_of("sm") == std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(a_program_whose_path_has_blanks_is_quoted) {
  const auto result = run_ring3(
      "bash -c 'd=$(mktemp -d); mkdir \"$d/a b\"; ln -s \"$PWD/{}\" \"$d/a b/ring3\"; \"$d/a "
      "b/ring3\" stress --lock 1 --ops 500; rm -r \"$d\"'");
  BOOST_TEST(contains(first_line(result.out), "/a b/ring3' stress --lock 1"));
}

// What was asked for is written although standard output fails.
BOOST_AUTO_TEST_CASE(a_report_outlives_a_standard_output_that_fails) {
  for (const char* way : {">/dev/full", "| true"}) {
    const std::string file = "/tmp/ring3-test-outlives-" + std::to_string(getpid());
    run_ring3("bash -c '{} stress --lock 1 --ops 1000 --json " + file + " " + way + "'");
    std::ifstream written(file);
    const auto json = nlohmann::json::parse(written, nullptr, false);
    BOOST_TEST(!json.is_discarded(), way);
    unlink(file.c_str());
  }
}

BOOST_AUTO_TEST_CASE(a_report_that_does_not_arrive_is_an_error) {
  const auto result = run_ring3("bash -c '{} stress --lock 1 --ops 1000 >/dev/full'");
  BOOST_TEST(result.exit_code == 3);
  BOOST_TEST(contains(result.err, "cannot write 'standard output': No space left on device"));
}

BOOST_AUTO_TEST_CASE(a_full_standard_error_changes_nothing) {
  const auto result = run_ring3("bash -c '{} stress --lock 1 -t 1500ms --progress 2>/dev/full'");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "no errors"));
}

// A wrong option exits 2, names the value and says what would be right.
struct Wrong {
  const char* arguments;
  const char* says;
};
std::ostream& operator<<(std::ostream& out, const Wrong& wrong) { return out << wrong.arguments; }
const Wrong kWrong[] = {
    {"", "a subcommand, stress, replay, heap, pages, sim, hunt or campaign, is required"},
    {"stress", "nothing to do; try --all 2"},
    {"stress --pages 0", "nothing to do"},
    {"stress --pages -1", "--pages"},
    {"stress --pages 100000", "256"},
    {"stress --pages two", "two"},
    {"stress --all 1 -t 0", "'0' is not a duration"},
    {"stress --all 1 -t 5x", "'5x' is not a duration"},
    {"stress --all 1 --ops 0", "--ops: '0' is not a number from 1 to 1000000000000"},
    {"stress --all 1 --ops 18446744073709551616", "'18446744073709551616' is not a number"},
    {"stress --pages ''", "'' is not a number from 0 to 256"},
    {"stress --lock 1 --ops 1 --json ''", "needs the name of a file"},
    {"stress --lock 1 --ops 1 --json - --yaml -", "cannot go where --json goes"},
    {"replay x --json ''", "needs the name of a file"},
    {"stress --all 1 --ops 5 -t 5s", "excludes"},
    {"stress --all 1 --memory 0", "memory of 0 is not possible; use 4M to 16T"},
    {"stress --all 1 --memory 99T", "99T"},
    {"stress --all 1 --memory lots", "'lots' is not a size"},
    {"stress --all 1 --policy best",
     "'best' is no policy; use one of kernel, kernel-6.12, kernel-6.18, packed"},
    {"stress --all 1 --seed xyz", "'xyz' is not a seed"},
    {"stress --all 1 --failslab 1,2", "1,2"},
    {"stress --all 1 --failslab 1,200,0,-1", "200"},
    {"stress --all 1 --failslab 1,2,0,-1,min-order=1", "('min-order=1')"},
    {"stress --all 1 --fail-page-alloc 1,2,0,-1,min-order=11", "('min-order=11')"},
    {"stress --all 1 --nodes 17", "17"},
    {"stress --all 1 --zones arm", "'arm' is no machine's zones; use x86-64 or x86-32"},
    {"stress --all 1 --zones x86-32 --memory 8G", "4294967296"},
    {"stress --all 1 --memmap 4M", "'4M' is no range"},
    {"stress --all 1 --memmap '0$4M'", "'0$4M' is no range"},
    {"stress --all 1 --memmap '4M$16E'", "'4M$16E' is no range"},
    {"stress --all 1 --ops 1 --memory 4M --memmap '4M$0'", "no page of 4194304 bytes is free"},
    {"stress --all 1 --canary bug", "--canary: 'bug' is no canary; use write-after-free or abba"},
    {"stress --pages 1 --canary abba", "add --lock 1"},
    {"hunt --seeds 9..3", "--seeds: '9..3' is not a range of seeds; write it as 0..9999"},
    {"hunt --seeds x..3", "'x..3' is not a range of seeds"},
    {"hunt --seeds 3..", "'3..' is not a range of seeds"},
    {"hunt --seeds 0..1 --budget 5s", "excludes"},
    {"hunt --budget 0", "'0' is not a duration"},
    {"hunt --replay x --repeat 0", "--repeat: '0' is not a number from 1 to 1000000"},
    {"hunt --strategy luck", "--strategy: 'luck' is no strategy; use random, pct, pos or surw"},
    {"sim --cpus 0", "--cpus: '0' is not a number from 1 to 256"},
    {"sim --seed xyz", "'xyz' is not a seed"},
    {"hunt --shrnk", "unknown option --shrnk; did you mean --shrink?"},
    {"stress --class disk", "--class: 'disk' is no class of workloads; use mm, net or lock"},
    {"stress --pages 1 --threads 2", "needs --class"},
    {"stress --all 1 --json /nowhere/x.json --ops 1", "cannot write '/nowhere/x.json'"},
    {"stress --all 1 --json /tmp --ops 1", "cannot write '/tmp': Is a directory"},
    {"stress --nonsense", "unknown option --nonsense"},
    {"stress --memry 1G", "unknown option --memry; did you mean --memory?"},
    {"replay --object x", "unknown option --object; did you mean --objects?"},
    {"frobnicate", "unknown command frobnicate"},
    {"stres --all 1", "unknown command stres; did you mean stress?"},
    {"stress --all", "--all needs a value"},
    {"stress --all 1 --seed 18446744073709551616", "'18446744073709551616' is not a seed"},
};
BOOST_DATA_TEST_CASE(wrong_options_exit_2_and_say_why, data::make(kWrong), wrong) {
  const auto result = run_ring3(wrong.arguments);
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(contains(result.err, wrong.says), result.err);
  BOOST_TEST(result.err.find("ring3: ") == 0u, result.err);
}

BOOST_AUTO_TEST_CASE(a_full_disk_exits_3) {
  const auto result = run_ring3("stress --lock 1 --ops 1 --json /dev/full");
  BOOST_TEST(result.exit_code == 3);
  BOOST_TEST(contains(result.err, "ring3: cannot write '/dev/full': No space left on device"));
  // A limit on the size of files is as good as a full disk, and leaves no piece of a report.
  const auto limited = run_ring3(
      "bash -c 'd=$(mktemp -d); p=$PWD; cd $d; ulimit -f 1; $p/{} stress --lock 1 --ops 1 --json "
      "report.json | cat >/dev/null; echo ${PIPESTATUS[0]} $(ls | wc -l); rm -r $d'");
  BOOST_TEST(last_line(limited.out) == "3 0", limited.err);
}

BOOST_AUTO_TEST_CASE(help_and_version_exit_0) {
  BOOST_TEST(run_ring3("--help").exit_code == 0);
  BOOST_TEST(run_ring3("stress --help").exit_code == 0);
  BOOST_TEST(contains(run_ring3("--version").out, "ring3 0.1"));
  for (const char* option :
       {"--pages", "--slab", "--kmalloc", "--lock", "--tcp", "--heap", "--all", "-t", "--ops",
        "--memory", "--seed", "--verify", "--metrics", "--json", "--progress"}) {
    BOOST_TEST(contains(run_ring3("stress --help").out, option), option);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::test
