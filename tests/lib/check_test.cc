// What must end the process, run in a child.

#include "lib/check.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "lib/result.h"
#include "lib/units.h"
#include "tests/death.h"

namespace ring3 {
namespace {

using test::Death;
using test::run_in_child;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

[[gnu::noinline]] void fails_a_check() { CHECK_EQ(1, 2); }
[[gnu::noinline]] void panics() { panic("%d", 1); }

}  // namespace

BOOST_AUTO_TEST_SUITE(lib_check)

BOOST_AUTO_TEST_CASE(a_failed_check_names_the_place_both_operands_and_the_stack) {
  const int small = 3;
  const Death death = run_in_child([&] { CHECK_EQ(small, 4); });
  BOOST_TEST(death.aborted());
  BOOST_TEST(contains(death.said, "tests/lib/check_test.cc:"));
  BOOST_TEST(contains(death.said, "CHECK(small == 4) failed: left is 3, right is 4"));
  BOOST_TEST(contains(death.said, " [<0x"));
}

BOOST_AUTO_TEST_CASE(the_stack_begins_with_who_checked) {
  for (const Death& death :
       {run_in_child([] { fails_a_check(); }), run_in_child([] { panics(); })}) {
    const size_t first = death.said.find(" [<0x");
    BOOST_REQUIRE(first != std::string::npos);
    const std::string line = death.said.substr(first, death.said.find('\n', first) - first);
    BOOST_TEST(contains(line, "ring3::(anonymous namespace)::"), line);
    BOOST_TEST((contains(line, "::fails_a_check+0x") || contains(line, "::panics+0x")), line);
  }
}

BOOST_AUTO_TEST_CASE(operands_of_all_kinds_are_printed) {
  BOOST_TEST(contains(run_in_child([] { CHECK_LT(seconds(2), seconds(1)); }).said,
                      "left is 2000000000, right is 1000000000"));
  BOOST_TEST(contains(run_in_child([] { CHECK_EQ(17u, 18u); }).said, "left is 17 (0x11)"));
  int local = 0;
  BOOST_TEST(contains(run_in_child([&] { CHECK_EQ(&local, nullptr); }).said, "left is 0x"));
  BOOST_TEST(contains(run_in_child([] { CHECK(1 == 2); }).said, "CHECK(1 == 2) failed"));
}

BOOST_AUTO_TEST_CASE(a_check_that_holds_says_nothing) {
  const Death death = run_in_child([] {
    CHECK(true);
    CHECK_LE(1, 1);
    DCHECK_NE(1, 2);
  });
  BOOST_TEST(!death.aborted());
  BOOST_TEST(death.said == "");
}

BOOST_AUTO_TEST_CASE(a_debug_check_is_evaluated_in_debug_builds_only) {
  const Death death = run_in_child([] { DCHECK_EQ(1, 2); });
  BOOST_TEST(death.aborted() == (RING3_DCHECK_ENABLED == 1));
}

BOOST_AUTO_TEST_CASE(taking_the_value_of_an_error_shows_the_error) {
  const Death death = run_in_child([] {
    Result<int> bad = Error{Errc::kIo, "the disk is gone"};
    bad.value();
  });
  BOOST_TEST(death.aborted());
  BOOST_TEST(contains(death.said, "the disk is gone"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
