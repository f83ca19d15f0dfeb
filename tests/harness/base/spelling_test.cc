#include "harness/base/spelling.h"

#include <boost/test/unit_test.hpp>
#include <vector>

namespace ring3::harness {

BOOST_AUTO_TEST_SUITE(harness_base_spelling)

BOOST_AUTO_TEST_CASE(the_nearest_word_is_suggested_if_it_is_near) {
  const std::vector<std::string> known{"--pages", "--slab", "--memory", "--metrics", "--seed"};
  BOOST_TEST(nearest_word("--page", known) == "--pages");
  BOOST_TEST(nearest_word("--memroy", known) == "--memory");
  BOOST_TEST(nearest_word("--slabs", known) == "--slab");
  BOOST_TEST(nearest_word("--sedd", known) == "--seed");
  BOOST_TEST(nearest_word("--frobnicate", known) == "");
  BOOST_TEST(nearest_word("", known) == "");
  BOOST_TEST(nearest_word("--pages", {}) == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
