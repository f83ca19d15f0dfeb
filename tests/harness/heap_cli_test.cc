// `ring3 heap` as a user runs it.

#include <boost/test/unit_test.hpp>

#include <sstream>
#include <string>

#include "tests/harness/contains.h"
#include "tests/harness/run_program.h"
#include "tests/harness/temp_file.h"

namespace ring3::test {
BOOST_AUTO_TEST_SUITE(harness_heap_cli)

BOOST_AUTO_TEST_CASE(a_real_program_has_a_row_a_policy) {
  const auto result = run_ring3("heap --mtrace tests/data/mtrace_perl.txt.gz");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(result.err == "");
  for (const char* row : {"\nfirst  ", "\nnext   ", "\nbest   ", "\nworst  ", "libc "}) {
    BOOST_TEST(contains(result.out, row));
  }
  BOOST_TEST(contains(result.out, "coalescing deferred, limit 64M\n"));
}

BOOST_AUTO_TEST_CASE(one_policy_is_one_row) {
  const auto result = run_ring3("heap --random 1 --policy best --coalesce immediate --limit 32M");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "\nbest  "));
  BOOST_TEST(!contains(result.out, "\nfirst "));
  BOOST_TEST(contains(result.out, "coalescing immediate, limit 32M\n"));
}

BOOST_AUTO_TEST_CASE(steps_are_drawn) {
  const TempFile script(
      "p = malloc 100\n"
      "q = malloc 200\n"
      "free p\n");
  const auto result = run_ring3("heap --step --script " + script.path());
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(result.out.starts_with(
      "1: p = malloc 100  -> +32\n"
      "    looked at no free block for 112 bytes: none fits; the break moved by +4096; cut into "
      "112 and 3920\n"
      "    +------+----------+\n"
      "    |p 112 |free 3920 |\n"
      "    +------+----------+\n"
      "    +0     +144       +4096 break\n"
      "    free list: +144 (3920)\n"
      "2: q = malloc 200  -> +176\n"
      "    looked at 1 free block for 208 bytes; cut into 208 and 3680\n"
      "    +------+------+----------+\n"
      "    |p 112 |q 208 |free 3680 |\n"
      "    +------+------+----------+\n"
      "    +0     +144   +384       +4096 break\n"
      "    free list: +384 (3680)\n"
      "3: free p\n"
      "    +---------+------+----------+\n"
      "    |free 112 |q 208 |free 3680 |\n"
      "    +---------+------+----------+\n"
      "    +0        +144   +384       +4096 break\n"
      "    free list: +0 (112) -> +384 (3680)\n"));
}

// Every step that the chapter shows is what the program prints.
BOOST_AUTO_TEST_CASE(the_story_of_the_documentation_is_true) {
  const auto result =
      run_ring3("heap --script Documentation/heap/story.heap --limit 8K --policy first --step");
  BOOST_TEST(result.exit_code == 0);
  const std::string steps = result.out.substr(0, result.out.find("line 18: "));
  std::string expected;
  std::istringstream lines(steps);
  for (std::string line; std::getline(lines, line);) expected += "    " + line + "\n";
  BOOST_TEST(contains(contents_of("Documentation/heap.md"), expected));
}

BOOST_AUTO_TEST_CASE(many_blocks_are_drawn_in_part) {
  std::string script;
  for (int i = 0; i < 100; ++i) script += "p" + std::to_string(i) + " = malloc 10\n";
  const TempFile file(script);
  const auto result = run_ring3("heap --step --script " + file.path());
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "|... 77 more "));
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) BOOST_TEST(line.size() <= 130u);
}

BOOST_AUTO_TEST_CASE(a_picture_is_drawn) {
  const TempFile script(
      "p = malloc 100\n"
      "q = malloc 5000\n"
      "free p\n"
      "free q\n"
      "trim\n");
  const TempFile picture;
  const auto result =
      run_ring3("heap --script " + script.path() + " --svg " + picture.path() + " --policy worst");
  BOOST_TEST(result.exit_code == 0);
  const std::string svg = contents_of(picture.path());
  BOOST_TEST(svg.starts_with("<svg xmlns="));
  BOOST_TEST(svg.ends_with("</svg>\n"));
  BOOST_TEST(contains(svg, ">worst fit, coalescing deferred</text>"));
  BOOST_TEST(contains(svg, ">8192</text>"));
  BOOST_TEST(contains(svg, ">calls 1 to 5</text>"));
  // p, from call 1 to 3: 144 bytes of 8192 high, two calls of five wide.
  BOOST_TEST(contains(svg,
                      "<path fill=\"#3b82f6\" stroke=\"#6b7280\" stroke-width=\"0.4\" "
                      "d=\"M70.0,520.0h360.0v-8.4h-360.0z"));
}

BOOST_AUTO_TEST_CASE(the_layout_has_three_processes) {
  const auto result = run_ring3("heap --layout");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "32 bits, 3G/1G: a process has the 3G below c0000000\n"));
  BOOST_TEST(contains(result.out, "64 bits: a process has the 128T below 7ffffffff000\n"));
  BOOST_TEST(contains(result.out, "this process"));
  // A sanitizer's malloc leaves a process without a heap, so that there may be none to show.
  for (const char* part :
       {"text", "rodata", "data", "mmap area v", "stack v", "kernel            1G"}) {
    BOOST_TEST(contains(result.out, std::string("| ") + part));
  }
}

// A broken line is named, and the rest runs; a mistake is worse than a broken line.
BOOST_AUTO_TEST_CASE(what_went_wrong_is_in_the_status) {
  const TempFile broken("p = malloc 10\nq = mallok 10\nfree p\n");
  const auto named = run_ring3("heap --script " + broken.path());
  BOOST_TEST(named.exit_code == 2);
  BOOST_TEST(contains(named.out, "line 2: 'mallok' is no call"));
  BOOST_TEST(contains(named.out, "2 calls, 1 of them for a block"));

  const TempFile twice("p = malloc 10\nfree p\nfree p\n?\n");
  const auto reported = run_ring3("heap --script " + twice.path());
  BOOST_TEST(reported.exit_code == 1);
  BOOST_TEST(contains(reported.err, "which is free already"));
  const auto drawn = run_ring3("heap --step --script " + twice.path());
  BOOST_TEST(drawn.err == "");
  BOOST_TEST(contains(drawn.out, "3: free p\nBUG heap: free of "));
}

BOOST_AUTO_TEST_CASE(wrong_options_are_named) {
  const auto complaint = [](const char* arguments) {
    const auto result = run_ring3(std::string("heap ") + arguments);
    BOOST_TEST(result.exit_code == 2);
    return result.err;
  };
  BOOST_TEST(contains(complaint(""), "needs a program: --script FILE"));
  BOOST_TEST(contains(complaint("--layout --step"), "no steps to show without a program"));
  BOOST_TEST(contains(complaint("--random 1 --policy quick"),
                      "'quick' is no policy; use first, next, best, worst or all"));
  BOOST_TEST(contains(complaint("--random 1 --coalesce never"), "'never' is no way to coalesce"));
  BOOST_TEST(contains(complaint("--random 1 --limit 100"), "use 4K to 64G"));
  BOOST_TEST(contains(complaint("--random 1 --limit 65G"), "use 4K to 64G"));
  BOOST_TEST(contains(complaint("--random 1 --script x"), "excludes"));
  BOOST_TEST(contains(complaint("--mtrace tests/data/kmem_trace_net_small.txt.gz"),
                      "lines is one that glibc's mtrace writes"));
  BOOST_TEST(contains(complaint("--script /nowhere"), "cannot read /nowhere"));
  BOOST_TEST(contains(complaint("--random 1 --svg /nowhere/x.svg"), "/nowhere/x.svg"));
}

// Nothing fits in a heap of a page: the program gets no memory, again and again.
BOOST_AUTO_TEST_CASE(a_heap_too_small_fails_and_does_not_break) {
  const auto result = run_ring3("heap --random 3 --limit 4K");
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(contains(result.out, "no memory"));
  BOOST_TEST(contains(result.out, "calls in all did not get what they wanted"));
  BOOST_TEST(!contains(result.out, "corrupt"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::test
