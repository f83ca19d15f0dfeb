#include "lib/list.h"

#include <boost/test/unit_test.hpp>
#include <vector>

namespace ring3 {
namespace {

struct Item {
  int before_the_links = 0;
  ListNode node;
  int value = 0;
};
using Items = List<Item, &Item::node>;

std::vector<int> values(const Items& list) {
  std::vector<int> result;
  for (const Item& item : list) result.push_back(item.value);
  return result;
}

struct Fixture {
  Fixture() {
    for (int i = 0; i < 5; ++i) items[static_cast<size_t>(i)].value = i;
  }
  std::vector<Item> items{5};
  Items list;
};

using Values = std::vector<int>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lib_list, Fixture)

BOOST_AUTO_TEST_CASE(keeps_the_order_of_insertion_at_both_ends) {
  list.push_back(items[1]);
  list.push_back(items[2]);
  list.push_front(items[0]);
  BOOST_TEST(values(list) == (Values{0, 1, 2}));
  BOOST_TEST(list.front() == &items[0]);
  BOOST_TEST(list.back() == &items[2]);
}

BOOST_AUTO_TEST_CASE(inserts_beside_an_element) {
  list.push_back(items[2]);
  list.insert_before(items[2], items[0]);
  list.insert_after(items[0], items[1]);
  list.insert_after(items[2], items[3]);
  BOOST_TEST(values(list) == (Values{0, 1, 2, 3}));
  BOOST_TEST(list.prev(items[1]) == &items[0]);
  BOOST_TEST(list.prev(items[0]) == nullptr);
}

BOOST_AUTO_TEST_CASE(removes_from_anywhere_and_unlinks) {
  for (Item& item : items) list.push_back(item);
  list.remove(items[2]);
  list.remove(items[0]);
  list.remove(items[4]);
  BOOST_TEST(values(list) == (Values{1, 3}));
  BOOST_TEST(!items[2].node.linked());
  BOOST_TEST(items[1].node.linked());
}

BOOST_AUTO_TEST_CASE(an_empty_list_has_nothing) {
  BOOST_TEST(list.empty());
  BOOST_TEST(list.front() == nullptr);
  BOOST_TEST(list.back() == nullptr);
  BOOST_TEST(list.pop_front() == nullptr);
  list.push_back(items[0]);
  BOOST_TEST(list.pop_front() == &items[0]);
  BOOST_TEST(list.empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
