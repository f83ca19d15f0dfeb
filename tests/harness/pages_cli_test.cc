// `ring3 pages` as a user runs it.

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>

#include "tests/harness/contains.h"
#include "tests/harness/run_program.h"
#include "tests/harness/temp_file.h"

namespace ring3::test {
BOOST_AUTO_TEST_SUITE(harness_pages_cli)

BOOST_AUTO_TEST_CASE(recorded_runs_are_reproduced_and_counted) {
  const auto result =
      run_ring3("pages check tests/data/pages_a-pb9.txt.gz tests/data/pages_da.txt.gz");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(result.out ==
             "a-pb9: 2000 of 2000 operations reproduced\n"
             "da: 2000 of 2000 operations reproduced\n"
             "4000 of 4000 operations of 2 recorded runs reproduced\n");
}

BOOST_AUTO_TEST_CASE(a_difference_is_shown_and_ends_with_1) {
  const auto result = run_ring3(
      "zcat tests/data/pages_a-pb9.txt.gz | sed '100s/^a\\(.*\\) .*/a\\1 7/' | {} pages check -");
  BOOST_TEST(result.exit_code == 1);
  BOOST_TEST(contains(result.out, " of 2000 operations reproduced; then, in -\nline 100: order"));
  BOOST_TEST(contains(result.out, "the kernel gave frame 7, ring3 gives"));
  BOOST_TEST(contains(result.out, "  ring3's state:\n    b "));
}

BOOST_AUTO_TEST_CASE(a_persona_is_held_to_what_was_recorded) {
  const std::string file = "tests/data/pages_d9-pb9.txt.gz";
  BOOST_TEST(run_ring3("pages check --persona 6.1 " + file).exit_code == 0);
  const auto later = run_ring3("pages check --persona 6.18 " + file);
  BOOST_TEST(later.exit_code == 1);
  BOOST_TEST(contains(later.out, "the kernel gave frame "));
  const auto wrong = run_ring3("pages check --persona 5.4 " + file);
  BOOST_TEST(wrong.exit_code == 2);
  BOOST_TEST(contains(wrong.err, "'5.4' is no persona; use one of 6.1, 6.12, 6.18"));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_said) {
  for (const char* wrong : {"pages", "pages check", "pages fly", "pages zoneinfo",
                            "pages zoneinfo --sysctl vm.min_free_kbytes=x README.md"}) {
    BOOST_TEST(run_ring3(wrong).exit_code == 2);
  }
  const auto missing = run_ring3("pages check /nowhere");
  BOOST_TEST(missing.exit_code != 0);
  BOOST_TEST(contains(missing.err, "/nowhere"));
  const auto other = run_ring3("pages check README.md");
  BOOST_TEST(other.exit_code == 2);
  BOOST_TEST(contains(other.err, "README.md: line 1: this is no recorded run"));
  const auto cut = run_ring3("zcat tests/data/pages_da.txt.gz | head -n 500 | {} pages check -");
  BOOST_TEST(cut.exit_code == 2);
  BOOST_TEST(contains(cut.err, "cut off"));
}

BOOST_AUTO_TEST_CASE(a_snapshot_of_several_nodes_agrees_with_the_formulas) {
  const test::TempFile folder;
  const std::string name = folder.path() + ".nodes";
  const auto run = run_ring3(
      "stress --pages 1 --nodes 3 --zones x86-32 --memory 3G --ops 200 --verify --proc-snapshot " +
      name);
  BOOST_TEST(run.exit_code == 0);
  BOOST_TEST(contains(run.out, "--zones x86-32 --nodes 3"));
  const auto check = run_ring3("pages zoneinfo " + name + "/zoneinfo");
  BOOST_TEST(check.exit_code == 0);
  const auto wrong =
      run_ring3("sed '/^Node 2/,$s/min .*/min 7/' " + name + "/zoneinfo | {} pages zoneinfo -");
  BOOST_TEST(wrong.exit_code == 1);
  BOOST_TEST(contains(wrong.out, "node 2, zone "));
  std::filesystem::remove_all(name);
}

BOOST_AUTO_TEST_CASE(a_snapshot_of_a_run_agrees_with_the_formulas) {
  const test::TempFile folder;
  const std::string name = folder.path() + ".d/below";
  const auto run = run_ring3(
      "stress --pages 1 --slab 1 --ops 200 --sysctl vm.min_free_kbytes=2048 "
      "--sysctl vm.watermark_scale_factor=20 --proc-snapshot " +
      name);
  BOOST_TEST(run.exit_code == 0);
  BOOST_TEST(contains(run.out,
                      "--sysctl vm.min_free_kbytes=2048 --sysctl "
                      "vm.watermark_scale_factor=20"));
  const auto same = run_ring3(
      "pages zoneinfo --sysctl vm.min_free_kbytes=2048 "
      "--sysctl vm.watermark_scale_factor=20 " +
      name + "/zoneinfo");
  BOOST_TEST(same.exit_code == 0);
  BOOST_TEST(contains(same.out, " fields as computed, with vm.min_free_kbytes=2048 as given\n"));
  const auto other = run_ring3("pages zoneinfo " + name + "/zoneinfo");
  BOOST_TEST(other.exit_code == 1);
  BOOST_TEST(contains(other.out, "\n  zone DMA: min is 42, by the formula "));
  for (const char* file : {"buddyinfo", "pagetypeinfo", "vmstat", "slabinfo",
                           "extfrag/unusable_index", "extfrag/extfrag_index"}) {
    BOOST_TEST(std::filesystem::file_size(name + "/" + file) > 100u);
  }
  std::filesystem::remove_all(folder.path() + ".d");
}

BOOST_AUTO_TEST_CASE(a_snapshot_that_cannot_be_written_is_said_before_the_run) {
  const auto result = run_ring3("stress --pages 1 -t 1h --proc-snapshot README.md/x");
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(contains(result.err, "cannot make folder 'README.md/x': Not a directory"));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ring3::test
