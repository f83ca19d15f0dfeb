#include "lockdep/held_locks.h"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/lockdep/lockdep_fixture.h"

namespace ring3::lockdep {
namespace {

// Pushes as the checker does: with the key that continues the checker's chain.
void push(HeldLocks& held, const Lockdep* checker, const LockMap& lock, uint16_t class_number,
          ReadMode mode = ReadMode::kWrite) {
  const LockClassId id(class_number);
  held.push({.checker = checker,
             .instance = &lock,
             .chain_key = extend_chain_key(held.chain_key(checker), id, mode),
             .class_id = id,
             .mode = mode});
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lockdep_held_locks, LocksFixture)

BOOST_AUTO_TEST_CASE(key_tells_order_class_and_mode_apart) {
  const auto key = [this](std::initializer_list<std::pair<uint16_t, ReadMode>> chain) {
    HeldLocks held;
    for (const auto& [number, mode] : chain) push(held, checker.get(), a, number, mode);
    return held.chain_key(checker.get());
  };
  const uint64_t one_two = key({{1, ReadMode::kWrite}, {2, ReadMode::kWrite}});
  BOOST_TEST(one_two == key({{1, ReadMode::kWrite}, {2, ReadMode::kWrite}}));
  BOOST_TEST(one_two != key({{2, ReadMode::kWrite}, {1, ReadMode::kWrite}}));
  BOOST_TEST(one_two != key({{1, ReadMode::kWrite}, {2, ReadMode::kRecursiveRead}}));
  BOOST_TEST(one_two != key({{1, ReadMode::kWrite}, {3, ReadMode::kWrite}}));
  BOOST_TEST(one_two != key({{1, ReadMode::kWrite}}));
}

BOOST_AUTO_TEST_CASE(out_of_order_release_leaves_the_chain_of_the_rest) {
  HeldLocks all;
  push(all, checker.get(), a, 1);
  push(all, checker.get(), b, 2);
  push(all, checker.get(), c, 3);
  BOOST_TEST(all.remove(&b));
  HeldLocks rest;
  push(rest, checker.get(), a, 1);
  push(rest, checker.get(), c, 3);
  BOOST_TEST(all.chain_key(checker.get()) == rest.chain_key(checker.get()));
  BOOST_TEST(all.depth() == 2u);
  BOOST_TEST(all.entries()[0].instance == &a);
  BOOST_TEST(all.entries()[1].instance == &c);
}

BOOST_AUTO_TEST_CASE(chains_of_two_checkers_do_not_mix) {
  LockdepFixture other;
  HeldLocks mixed;
  push(mixed, checker.get(), a, 1);
  push(mixed, other.checker.get(), b, 2);
  push(mixed, checker.get(), c, 3);
  HeldLocks plain;
  push(plain, checker.get(), a, 1);
  push(plain, checker.get(), c, 3);
  BOOST_TEST(mixed.chain_key(checker.get()) == plain.chain_key(checker.get()));
  BOOST_TEST(mixed.remove(&a));
  BOOST_TEST(plain.remove(&a));
  BOOST_TEST(mixed.chain_key(checker.get()) == plain.chain_key(checker.get()));
}

BOOST_AUTO_TEST_CASE(removes_the_newest_hold_of_a_lock) {
  HeldLocks held;
  push(held, checker.get(), a, 1, ReadMode::kRecursiveRead);
  push(held, checker.get(), b, 2);
  push(held, checker.get(), a, 1, ReadMode::kRecursiveRead);
  BOOST_TEST(held.remove(&a));
  BOOST_TEST(held.entries()[1].instance == &b);
  BOOST_TEST(held.remove(&a));
  BOOST_TEST(!held.remove(&a));
  BOOST_TEST(held.depth() == 1u);
  BOOST_TEST(held.remove(&b));
  BOOST_TEST(held.chain_key(checker.get()) == HeldLocks::kEmptyChainKey);
}

BOOST_AUTO_TEST_CASE(threads_have_their_own) {
  push(held_locks_of(Task::current()), checker.get(), a, 1);
  size_t depth_elsewhere = 99;
  std::thread([&] { depth_elsewhere = held_locks_of(Task::current()).depth(); }).join();
  BOOST_TEST(depth_elsewhere == 0u);
  BOOST_TEST(held_locks_of(Task::current()).depth() == 1u);
  BOOST_TEST(held_locks_of(Task::current()).remove(&a));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
