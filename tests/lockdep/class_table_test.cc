#include "lockdep/class_table.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <set>

namespace ring3::lockdep {

BOOST_AUTO_TEST_SUITE(lockdep_class_table)

BOOST_AUTO_TEST_CASE(finds_a_class_by_key_address_and_subclass) {
  auto table = ClassTable::create(8);
  BOOST_REQUIRE(table.ok());
  const LockClassKey key{"key"};
  const LockClassKey other{"key"};
  const auto first = table->find_or_add(key, 0, WaitType::kSpin);
  const auto sub = table->find_or_add(key, 1, WaitType::kSleep);
  const auto same_name = table->find_or_add(other, 0, WaitType::kSpin);
  BOOST_REQUIRE((first && sub && same_name));
  BOOST_TEST(std::set({*first, *sub, *same_name}).size() == 3u);
  BOOST_TEST((table->find_or_add(key, 0, WaitType::kSpin) == first));
  BOOST_TEST((table->find_or_add(key, 1, WaitType::kSleep) == sub));
  BOOST_TEST(table->size() == 3u);
  BOOST_TEST((*table)[*sub].key == &key);
  BOOST_TEST((*table)[*sub].subclass == 1u);
  BOOST_TEST(((*table)[*sub].wait_type == WaitType::kSleep));
}

// So many that they share slots.
BOOST_AUTO_TEST_CASE(subclasses_of_many_keys_stay_apart) {
  auto table = ClassTable::create(800);
  BOOST_REQUIRE(table.ok());
  static std::array<LockClassKey, 100> keys{};
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < 800; ++i) {
      const auto id = table->find_or_add(keys[i / 8], i % 8, WaitType::kSpin);
      BOOST_REQUIRE(id.has_value());
      BOOST_REQUIRE(id->value() == i);
    }
  }
}

BOOST_AUTO_TEST_CASE(full_table_still_finds_but_does_not_add) {
  auto table = ClassTable::create(100);
  BOOST_REQUIRE(table.ok());
  static std::array<LockClassKey, 101> keys{};
  for (size_t i = 0; i < 100; ++i) {
    const auto id = table->find_or_add(keys[i], 0, WaitType::kSpin);
    BOOST_REQUIRE(id.has_value());
    BOOST_TEST(id->value() == i);
  }
  BOOST_TEST(!table->find_or_add(keys[100], 0, WaitType::kSpin).has_value());
  for (size_t i = 0; i < 100; ++i) {
    const auto id = table->find_or_add(keys[i], 0, WaitType::kSpin);
    BOOST_REQUIRE(id.has_value());
    BOOST_TEST(id->value() == i);
  }
}

BOOST_AUTO_TEST_CASE(usage_gathers_both_kinds) {
  LockClass c{};
  c.mark_used(ReadMode::kWrite);
  BOOST_TEST(c.usage.load() == LockClass::kUsedWrite);
  c.mark_used(ReadMode::kRead);
  c.mark_used(ReadMode::kRecursiveRead);
  BOOST_TEST(c.usage.load() == (LockClass::kUsedWrite | LockClass::kUsedRead));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
