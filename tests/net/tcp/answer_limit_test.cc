#include "net/tcp/answer_limit.h"

#include <boost/test/unit_test.hpp>
#include <set>

namespace ring3::net {

BOOST_AUTO_TEST_SUITE(net_answer_limit)

BOOST_AUTO_TEST_CASE(each_second_has_a_budget_of_its_own_that_cannot_be_told) {
  AnswerLimit limit(100, Prng(1));
  std::set<int> budgets;
  int total = 0;
  for (int second = 0; second < 200; ++second) {
    int allowed = 0;
    for (int i = 0; i < 1000; ++i) {
      allowed += limit.allow(seconds(second) + milliseconds(i)) ? 1 : 0;
    }
    BOOST_TEST(allowed >= 50);
    BOOST_TEST(allowed < 150);
    budgets.insert(allowed);
    total += allowed;
  }
  BOOST_TEST(budgets.size() > 20u);
  BOOST_TEST(total > 200 * 85);
  BOOST_TEST(total < 200 * 115);
}

BOOST_AUTO_TEST_CASE(one_a_second_is_one_a_second) {
  AnswerLimit limit(1, Prng(1));
  BOOST_TEST(limit.allow(Nanos(0)));
  BOOST_TEST(!limit.allow(milliseconds(999)));
  BOOST_TEST(limit.allow(seconds(1)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::net
