#include "lockdep/validator.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <deque>
#include <thread>

#include "tests/lockdep/lockdep_fixture.h"

namespace ring3::lockdep {

BOOST_FIXTURE_TEST_SUITE(lockdep_validator, LocksFixture)

BOOST_AUTO_TEST_CASE(consistent_order_is_silent) {
  for (int i = 0; i < 3; ++i) {
    task.nest(a, b);
    task.nest(b, c);
    task.nest(a, c);
  }
  BOOST_TEST(checker->reports() == 0u);
  BOOST_TEST(checker->enabled());
}

BOOST_AUTO_TEST_CASE(same_lock_twice_is_recursive) {
  task.lock(a);
  task.lock(a);
  BOOST_TEST(reported(kRecursive));
  BOOST_TEST(checker->reports() == 1u);
}

BOOST_AUTO_TEST_CASE(two_locks_of_one_class_nested_are_recursive) {
  task.nest(a, a2);
  BOOST_TEST(reported(kRecursive));
}

BOOST_AUTO_TEST_CASE(same_class_below_another_lock_is_recursive) {
  task.lock(a);
  task.lock(b);
  task.lock(a2);
  BOOST_TEST(reported(kRecursive));
}

BOOST_AUTO_TEST_CASE(subclass_nests_in_its_class) {
  task.nest(a, a_sub);
  BOOST_TEST(checker->reports() == 0u);
  task.nest(a_sub, a2);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(abba_between_tasks_is_circular) {
  task.nest(a, b);
  LockingTask other(*checker);
  other.lock(b);
  BOOST_TEST(checker->reports() == 0u);
  other.lock(a);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(three_locks_in_a_ring_are_circular) {
  task.nest(a, b);
  task.nest(b, c);
  BOOST_TEST(checker->reports() == 0u);
  task.nest(c, a);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(order_counts_across_locks_in_between) {
  task.lock(a);
  task.nest(b, c);
  task.unlock(a);
  task.nest(c, a);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(released_lock_is_no_longer_in_the_order) {
  task.lock(a);
  task.try_lock(b);  // not ordered after a, so that only b is before c
  task.unlock(a);
  task.lock(c);
  task.unlock(b);
  task.unlock(c);
  task.nest(c, a);
  BOOST_TEST(checker->reports() == 0u);
  task.nest(c, b);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(reader_may_nest_in_itself) {
  task.read_lock(a);
  task.read_lock(a);
  task.read_lock(a2);
  task.unlock(a2);
  task.unlock(a);
  task.unlock(a);
  BOOST_TEST(checker->reports() == 0u);
  BOOST_TEST(task.held.depth() == 0u);
}

BOOST_AUTO_TEST_CASE(queued_reader_may_not_nest_in_itself) {
  task.queued_read_lock(a);
  task.queued_read_lock(a);
  BOOST_TEST(reported(kRecursive));
}

BOOST_AUTO_TEST_CASE(write_in_read_is_recursive) {
  task.read_lock(a);
  task.lock(a);
  BOOST_TEST(reported(kRecursive));
}

BOOST_AUTO_TEST_CASE(read_in_write_is_recursive) {
  task.lock(a);
  task.read_lock(a);
  BOOST_TEST(reported(kRecursive));
}

BOOST_AUTO_TEST_CASE(readers_alone_never_deadlock) {
  task.read_lock(a);
  task.read_lock(b);
  task.unlock(b);
  task.unlock(a);
  task.read_lock(b);
  task.read_lock(a);
  BOOST_TEST(checker->reports() == 0u);
}

// The last step waits for writers, who may be inside waiting for us.
BOOST_AUTO_TEST_CASE(reader_order_against_writer_order_is_circular) {
  task.read_lock(a);
  task.lock(b);
  task.unlock(b);
  task.unlock(a);
  task.lock(b);
  task.read_lock(a);  // a reader here lets the reader there pass
  task.unlock(a);
  BOOST_TEST(checker->reports() == 0u);
  task.lock(a);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(write_to_read_against_write_to_read_is_circular) {
  task.lock(a);
  task.read_lock(b);
  task.unlock(b);
  task.unlock(a);
  task.lock(b);
  task.read_lock(a);
  BOOST_TEST(reported(kCircular));
}

// Nobody waits for a reader but a writer, however the reader itself would have waited.
BOOST_AUTO_TEST_CASE(queued_reader_lets_recursive_readers_pass) {
  task.lock(a);
  task.read_lock(b);
  task.unlock(b);
  task.unlock(a);
  task.queued_read_lock(b);
  task.lock(c);
  task.unlock(c);
  task.unlock(b);
  task.nest(c, a);
  BOOST_TEST(checker->reports() == 0u);
}

// Linux 6.1 stops at the recursive reader b and never learns a -> c.
BOOST_AUTO_TEST_CASE(lock_around_a_reader_counts) {
  task.lock(a);
  task.read_lock(b);
  task.lock(c);
  task.unlock(c);
  task.unlock(b);
  task.unlock(a);
  BOOST_TEST(checker->reports() == 0u);
  task.nest(c, a);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(trylock_against_the_order_is_silent) {
  task.nest(a, b);
  task.lock(b);
  task.try_lock(a);
  task.unlock(a);
  task.try_lock(a2);
  task.unlock(a2);
  task.unlock(b);
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_AUTO_TEST_CASE(lock_after_a_trylock_is_ordered_after_all_held) {
  task.lock(a);
  task.try_lock(b);
  task.lock(c);
  task.unlock(c);
  task.unlock(b);
  task.unlock(a);
  {
    LockingTask other(*checker);
    other.lock(b);
    other.lock(a);  // a was before b only by trylock
    other.unlock(a);
    other.unlock(b);
  }
  BOOST_TEST(checker->reports() == 0u);
  task.nest(c, a);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(trylocked_lock_is_held_towards_the_next) {
  task.try_lock(a);
  task.lock(b);
  task.unlock(b);
  task.unlock(a);
  task.nest(b, a);
  BOOST_TEST(reported(kCircular));
}

BOOST_AUTO_TEST_CASE(unlock_of_a_free_lock_is_unbalanced) {
  task.lock(a);
  task.unlock(a);
  task.unlock(a);
  BOOST_TEST(reported(kBalance));
}

BOOST_AUTO_TEST_CASE(unlock_by_another_task_is_unbalanced) {
  task.lock(a);
  LockingTask other(*checker);
  other.unlock(a);
  BOOST_TEST(reported(kBalance));
}

BOOST_AUTO_TEST_CASE(locks_may_be_released_in_any_order) {
  task.lock(a);
  task.lock(b);
  task.lock(c);
  task.unlock(a);
  task.unlock(c);
  task.unlock(b);
  BOOST_TEST(checker->reports() == 0u);
  BOOST_TEST(task.held.depth() == 0u);
}

// Of whatever task: a, then a and b, then a and c.
BOOST_AUTO_TEST_CASE(a_chain_seen_before_is_not_learnt_again) {
  const auto chains = [&] {
    const std::string stats = checker->stats();
    return std::stoul(stats.substr(stats.find("dependency chains:") + 18));
  };
  task.nest(a, b);
  BOOST_TEST(chains() == 2u);
  task.nest(a, b);
  LockingTask other(*checker);
  other.nest(a, b);
  BOOST_TEST(chains() == 2u);
  other.nest(a, c);
  BOOST_TEST(chains() == 3u);
}

BOOST_AUTO_TEST_CASE(first_report_turns_the_checker_off) {
  task.lock(a);
  task.lock(a);
  BOOST_REQUIRE(checker->reports() == 1u);
  BOOST_TEST(!checker->enabled());
  task.unlock(a);
  BOOST_TEST(task.held.depth() == 0u);
  task.unlock(a);
  task.lock(b);
  task.lock(b);
  BOOST_TEST(checker->reports() == 1u);
  BOOST_TEST(sink.count() == 1u);
  BOOST_TEST(task.held.depth() == 0u);
}

BOOST_AUTO_TEST_CASE(checkers_are_independent) {
  LocksFixture other;
  LockingTask both(*checker);
  both.lock(a);
  other.checker->acquire(both.held, other.b, ReadMode::kWrite, 0);
  other.checker->release(both.held, other.b, 0);
  both.unlock(a);
  other.checker->acquire(both.held, other.b, ReadMode::kWrite, 0);
  both.lock(a);
  both.lock(a2);
  BOOST_TEST(reported(kRecursive));
  BOOST_TEST(other.checker->reports() == 0u);
  BOOST_TEST(other.checker->enabled());
  other.task.nest(other.a, other.b);
  other.task.nest(other.b, other.a);
  BOOST_TEST(other.reported(kCircular));
}

BOOST_AUTO_TEST_CASE(lock_of_another_checker_is_no_part_of_the_order) {
  LocksFixture other;
  other.task.nest(other.a, other.b);  // b is now class 1 of the other, as here
  task.nest(a, b);
  other.checker->acquire(task.held, other.b, ReadMode::kWrite, 0);
  task.read_lock(a);  // a chain that has not been seen: checked against the order
  task.unlock(a);
  BOOST_TEST(checker->reports() == 0u);
  BOOST_TEST(other.checker->reports() == 0u);
  other.checker->release(task.held, other.b, 0);
}

BOOST_AUTO_TEST_CASE(full_held_stack_turns_off_with_a_message) {
  for (size_t i = 0; i < kMaxHeldLocks; ++i) task.try_lock(a);
  BOOST_TEST(checker->enabled());
  task.try_lock(a);
  BOOST_TEST(!checker->enabled());
  BOOST_TEST(reported("MAX_LOCK_DEPTH too low! (limit: 48)"));
  BOOST_TEST(checker->reports() == 0u);
}

// Threads meet new classes and new chains at the same time; run under TSan.
BOOST_AUTO_TEST_CASE(threads_learn_side_by_side) {
  std::array<std::jthread, 4> threads;
  for (std::jthread& thread : threads) {
    thread = std::jthread([this] {
      LockMap* const ordered[] = {&a, &b, &c, &d};
      LockingTask self(*checker);
      for (unsigned set = 0; set < 16 * 20; ++set) {
        for (size_t i = 0; i < 4; ++i) {
          if ((set >> i & 1) != 0) self.lock(*ordered[i]);
        }
        for (size_t i = 0; i < 4; ++i) {
          if ((set >> i & 1) != 0) self.unlock(*ordered[i]);
        }
      }
    });
  }
  for (std::jthread& thread : threads) thread.join();
  BOOST_TEST(checker->reports() == 0u);
  BOOST_TEST(checker->stats().find("dependency chains:                      15 ") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(findings_of_many_threads_give_one_report) {
  std::array<std::jthread, 4> threads;
  for (std::jthread& thread : threads) {
    thread = std::jthread([this] {
      LockingTask self(*checker);
      self.lock(a);
      self.lock(a);
      self.unlock(a);
      self.unlock(a);
    });
  }
  for (std::jthread& thread : threads) thread.join();
  BOOST_TEST(checker->reports() == 1u);
  BOOST_TEST(sink.count() == 1u);
}

BOOST_AUTO_TEST_CASE(limits_are_the_kernels) {
  const Limits limits;
  BOOST_TEST(limits.classes == 8192u);
  BOOST_TEST(limits.edges == 32768u);
  BOOST_TEST(limits.chains == 65536u);
  BOOST_TEST(kMaxHeldLocks == 48u);
}

BOOST_AUTO_TEST_CASE(stats_count_classes_dependencies_and_chains) {
  task.nest(a, b);
  task.nest(b, c);
  const std::string expected =
      " lock-classes:                            3 [max: 8192]\n"
      " direct dependencies:                     2 [max: 32768]\n"
      " dependency chains:                       4 [max: 65536]\n"
      " max locking depth:                       2\n"
      " debug_locks:                             1\n";
  BOOST_TEST(checker->stats() == expected);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(lockdep_validator_limits)

BOOST_AUTO_TEST_CASE(wrong_limits_are_an_error_that_names_them) {
  test::RecordingSink sink;
  const auto no_edges = Lockdep::create(sink, {.edges = 0});
  BOOST_REQUIRE(!no_edges.ok());
  BOOST_TEST((no_edges.error().code == Errc::kInvalidArgument));
  BOOST_TEST(no_edges.error().message.find("edges 0") != std::string::npos);
  const auto many_classes = Lockdep::create(sink, {.classes = kMaxLockClasses + 1});
  BOOST_REQUIRE(!many_classes.ok());
  BOOST_TEST(many_classes.error().message.find("at most 65535") != std::string::npos);
}

struct SmallFixture : LockdepFixture {
  SmallFixture() : LockdepFixture({.classes = 40, .edges = 5, .chains = 20}) {
    for (const LockClassKey& key : kKeys) {
      locks.emplace_back(checker.get(), key, 0, WaitType::kSpin);
    }
  }
  static inline std::array<LockClassKey, 41> kKeys{};
  std::deque<LockMap> locks;
  LockingTask task{*checker};
};

BOOST_FIXTURE_TEST_CASE(full_class_table_turns_off_with_a_message, SmallFixture) {
  for (size_t i = 0; i < 40; ++i) {
    task.try_lock(locks[i]);
    task.unlock(locks[i]);
  }
  BOOST_TEST(checker->enabled());
  task.try_lock(locks[40]);
  BOOST_TEST(!checker->enabled());
  BOOST_TEST(reported("MAX_LOCKDEP_KEYS too low! (limit: 40)"));
  BOOST_TEST(reported("turning off the locking correctness validator."));
  BOOST_TEST(checker->reports() == 0u);
}

BOOST_FIXTURE_TEST_CASE(full_edge_table_turns_off_with_a_message, SmallFixture) {
  for (size_t i = 0; i < 5; ++i) task.nest(locks[i], locks[i + 1]);
  BOOST_TEST(checker->enabled());
  task.nest(locks[5], locks[6]);
  BOOST_TEST(!checker->enabled());
  BOOST_TEST(reported("MAX_LOCKDEP_ENTRIES too low! (limit: 5)"));
}

BOOST_FIXTURE_TEST_CASE(full_chain_table_turns_off_with_a_message, SmallFixture) {
  for (size_t i = 0; i < 20; ++i) {
    task.lock(locks[i]);
    task.unlock(locks[i]);
  }
  BOOST_TEST(checker->enabled());
  task.lock(locks[20]);
  BOOST_TEST(!checker->enabled());
  BOOST_TEST(reported("MAX_LOCKDEP_CHAINS too low! (limit: 20)"));
  task.unlock(locks[20]);
  BOOST_TEST(sink.count() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::lockdep
