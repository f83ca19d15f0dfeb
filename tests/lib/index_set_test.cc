// A set of numbers with neighbours, beside std::set.

#include "lib/index_set.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "lib/prng.h"

namespace ring3 {
namespace {

namespace data = boost::unit_test::data;

size_t after(const std::set<size_t>& model, size_t from) {
  const auto found = model.lower_bound(from);
  return found == model.end() ? IndexSet::kNone : *found;
}
size_t before(const std::set<size_t>& model, size_t from) {
  const auto above = model.upper_bound(from);
  return above == model.begin() ? IndexSet::kNone : *std::prev(above);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lib_index_set)

// The limits are the edges of one, two and four levels.
BOOST_DATA_TEST_CASE(does_what_std_set_does,
                     data::make({1, 63, 64, 65, 4095, 4096, 4097, 300'000, 20'000'000}), limit) {
  const auto size = static_cast<size_t>(limit);
  IndexSet set = std::move(IndexSet::create(size).value());
  std::set<size_t> model;
  Prng prng(size);
  for (int step = 0; step < 20'000; ++step) {
    // Dense at the start, so that words fill and empty.
    const size_t index = prng.below(prng.below(2) == 0 ? std::min<size_t>(size, 200) : size);
    switch (prng.below(4)) {
      case 0:
        set.insert(index);
        model.insert(index);
        break;
      case 1:
        set.erase(index);
        model.erase(index);
        break;
      case 2:
        BOOST_REQUIRE_EQUAL(set.at_or_after(index), after(model, index));
        break;
      default:
        BOOST_REQUIRE_EQUAL(set.at_or_before(index), before(model, index));
    }
    BOOST_REQUIRE_EQUAL(set.contains(index), model.contains(index));
  }
  while (!model.empty()) {
    const size_t first = set.at_or_after(0);
    BOOST_REQUIRE_EQUAL(first, *model.begin());
    set.erase(first);
    model.erase(first);
  }
  BOOST_TEST(set.at_or_after(0) == IndexSet::kNone);
  BOOST_TEST(set.at_or_before(size - 1) == IndexSet::kNone);
}

BOOST_AUTO_TEST_CASE(asks_beyond_the_limit_are_answered) {
  IndexSet set = std::move(IndexSet::create(100).value());
  set.insert(99);
  BOOST_TEST(set.at_or_after(100) == IndexSet::kNone);
  BOOST_TEST(set.at_or_after(SIZE_MAX) == IndexSet::kNone);
  BOOST_TEST(set.at_or_before(SIZE_MAX) == 99u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
