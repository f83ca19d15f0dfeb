#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/lockdep/lockdep_fixture.h"

namespace ring3::lockdep {
namespace {

struct Session;
template <class T>
struct Table;

}  // namespace

BOOST_AUTO_TEST_SUITE(lockdep_lock_class)

BOOST_AUTO_TEST_CASE(type_is_one_class) {
  BOOST_TEST(&lock_class_of<Session>() == &lock_class_of<Session>());
  BOOST_TEST(&lock_class_of<Session>() != &lock_class_of<Table<int>>());
  BOOST_TEST(&lock_class_of<Table<int>>() != &lock_class_of<Table<long>>());
}

BOOST_AUTO_TEST_CASE(class_is_named_by_its_type) {
  const std::string name = lock_class_of<Table<int>>().name;
  BOOST_TEST(name.ends_with("::Table<int>"), name);
  BOOST_TEST(std::string(lock_class_of<int>().name) == "int");
}

BOOST_FIXTURE_TEST_CASE(locks_of_one_type_are_checked_as_one_class, LockdepFixture) {
  LockMap first(checker.get(), lock_class_of<Session>(), 0, WaitType::kSpin);
  LockMap second(checker.get(), lock_class_of<Session>(), 0, WaitType::kSpin);
  LockMap other(checker.get(), lock_class_of<Table<int>>(), 0, WaitType::kSpin);
  LockingTask task(*checker);
  task.nest(first, other);
  BOOST_TEST(checker->reports() == 0u);
  task.nest(other, second);
  BOOST_TEST(reported(kCircular));
}

BOOST_FIXTURE_TEST_CASE(keys_of_one_name_are_two_classes, LockdepFixture) {
  static constexpr LockClassKey kFirst{"same"};
  static constexpr LockClassKey kSecond{"same"};
  LockMap first(checker.get(), kFirst, 0, WaitType::kSpin);
  LockMap second(checker.get(), kSecond, 0, WaitType::kSpin);
  LockingTask task(*checker);
  task.nest(first, second);
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
