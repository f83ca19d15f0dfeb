#include "harness/sim/world.h"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>
#include <set>

#include "harness/sim/crash_trap.h"
#include "lib/asan.h"
#include "lib/cpu/percpu_stack.h"
#include "lib/cpu/raw_spinlock.h"
#include "lockdep/lockdep.h"
#include "tests/recording_sink.h"

namespace ring3::harness {
namespace {

namespace data = boost::unit_test::data;

StackPool& stacks() {
  static StackPool pool;
  return pool;
}

constexpr uint64_t kSeeds = 300;

}  // namespace

std::ostream& operator<<(std::ostream& out, StrategyKind kind);
std::ostream& operator<<(std::ostream& out, StrategyKind kind) {
  return out << strategy_name(kind);
}

BOOST_AUTO_TEST_SUITE(harness_sim_world)

// Two tasks that add 1 to a number, by a load and a store.
uint32_t racing_increments(Strategy& strategy, bool with_lock) {
  World world({}, strategy, stacks());
  Atomic<uint32_t> number{0};
  RawSpinlock lock;
  const auto increment = [&]() NO_THREAD_SAFETY_ANALYSIS {
    if (with_lock) lock.lock();
    number.store(number.load() + 1);
    if (with_lock) lock.unlock();
  };
  world.spawn("one", 0, increment);
  world.spawn("other", 1, increment);
  BOOST_REQUIRE(world.run() == Ending::kDone);
  return number.load();
}

BOOST_DATA_TEST_CASE(a_lost_update_is_found_and_a_lock_prevents_it, data::make(kStrategies), kind) {
  StepCounts steps{{3, 3}};
  uint64_t lost = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    lost += racing_increments(*make_strategy(kind, seed, steps), false) == 1;
    BOOST_REQUIRE(racing_increments(*make_strategy(kind, seed, steps), true) == 2);
  }
  BOOST_TEST(lost > kSeeds / 20);
  BOOST_TEST(lost < kSeeds);
}

BOOST_AUTO_TEST_CASE(where_nothing_is_chosen_one_task_runs_after_the_other) {
  const Schedule none;
  BOOST_TEST(racing_increments(*make_replay(none), false) == 2u);
}

// The story of one run of several tasks over locks and a per-CPU stack.
struct Story {
  uint64_t hash;
  Schedule schedule;
  bool operator==(const Story&) const = default;
};
Story tell(Strategy& strategy) {
  World world({.cpus = 3}, strategy, stacks());
  const World::Setup setup(world);
  const Topology topology = std::move(Topology::simulated(3, 1).value());
  auto stack = std::move(PerCpuStack<uint32_t>::create(4, topology).value());
  RawSpinlock lock;
  for (unsigned t = 0; t < 4; ++t) {
    world.spawn("task", t % 3, [&, t] {
      for (uint32_t i = 0; i < 4; ++i) {
        stack.push(t * 10 + i);
        { RawSpinlockGuard guard(lock); }
        uint32_t popped;
        stack.pop(popped);
      }
    });
  }
  BOOST_REQUIRE(world.run() == Ending::kDone);
  return {world.trace_hash(), world.schedule()};
}

BOOST_DATA_TEST_CASE(a_seed_is_one_run_and_its_schedule_replays_it, data::make(kStrategies), kind) {
  std::set<uint64_t> hashes;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Story story = tell(*make_strategy(kind, seed, {}));
    BOOST_REQUIRE((tell(*make_strategy(kind, seed, {})) == story));
    BOOST_REQUIRE((tell(*make_replay(story.schedule)) == story));
    hashes.insert(story.hash);
  }
  BOOST_TEST(hashes.size() > 40u);
}

BOOST_AUTO_TEST_CASE(waiting_for_ever_is_seen_at_once_and_named) {
  uint64_t deadlocks = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto strategy = make_strategy(StrategyKind::kRandom, seed, {});
    World world({}, *strategy, stacks());
    RawSpinlock a;
    RawSpinlock b;
    const auto nest = [](RawSpinlock& outer, RawSpinlock& inner) {
      RawSpinlockGuard first(outer);
      RawSpinlockGuard second(inner);
    };
    world.spawn("forth", 0, [&] { nest(a, b); });
    world.spawn("back", 1, [&] { nest(b, a); });
    if (world.run() == Ending::kDone) continue;
    ++deadlocks;
    BOOST_TEST(
        world.what().find("nobody can go on:\nforth/1 spins on a word that nobody changes") == 0u);
    BOOST_TEST(world.what().find("\nback/2 spins") != std::string::npos);
    BOOST_TEST(world.what().find("RawSpinlock") != std::string::npos);
  }
  BOOST_TEST(deadlocks > kSeeds / 20);
}

// The checked locks of lockdep, in every order: nobody is left asleep, and nobody is accused.
BOOST_DATA_TEST_CASE(a_mutex_wakes_whoever_sleeps, data::make(kStrategies), kind) {
  constexpr lockdep::LockClassKey kKey{"mutex"};
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    test::RecordingSink sink;
    const auto checker = std::move(lockdep::Lockdep::create(sink).value());
    const auto strategy = make_strategy(kind, seed, {});
    World world({}, *strategy, stacks());
    lockdep::Mutex mutex(checker.get(), kKey);
    int inside = 0;
    int rounds = 0;
    for (unsigned t = 0; t < 3; ++t) {
      world.spawn("task", t % 2, [&] {
        for (int i = 0; i < 3; ++i) {
          lockdep::MutexGuard guard(mutex);
          if (++inside != 1) world.fail("two are inside");
          world.yield();
          --inside;
          ++rounds;
        }
      });
    }
    const Ending ending = world.run();
    BOOST_TEST_INFO(world.what());
    BOOST_REQUIRE(ending == Ending::kDone);
    BOOST_TEST(rounds == 9);
    BOOST_TEST(sink.count() == 0u);
  }
}

BOOST_DATA_TEST_CASE(preempted_sequences_start_again, data::make(kStrategies), kind) {
  const Topology topology = std::move(Topology::simulated(2, 1).value());
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto strategy = make_strategy(kind, seed, {});
    World world({}, *strategy, stacks());
    const World::Setup setup(world);
    auto stack = std::move(PerCpuStack<uint32_t>::create(3, topology).value());
    std::multiset<uint32_t> held;
    uint64_t pushes = 0;
    uint64_t pops = 0;
    for (uint32_t t = 0; t < 3; ++t) {
      world.spawn("task", t % 2, [&, t] {
        for (uint32_t i = 0; i < 3; ++i) {
          const uint32_t entry = t * 10 + i;
          if (!stack.push(entry))
            held.insert(entry);
          else
            ++pushes;
          uint32_t popped;
          if (stack.pop(popped)) held.insert(popped), ++pops;
        }
      });
    }
    world.spawn("drainer", 1, [&] {
      for (unsigned cpu = 0; cpu < 2; ++cpu) {
        stack.drain(
            cpu, [&](std::span<uint32_t> entries) { held.insert(entries.begin(), entries.end()); });
      }
    });
    const Ending ending = world.run();
    BOOST_TEST_INFO(world.what());
    BOOST_REQUIRE(ending == Ending::kDone);
    for (unsigned cpu = 0; cpu < 2; ++cpu) {
      stack.drain(
          cpu, [&](std::span<uint32_t> entries) { held.insert(entries.begin(), entries.end()); });
    }
    BOOST_REQUIRE(held.size() == 9u);
    for (uint32_t t = 0; t < 3; ++t) {
      for (uint32_t i = 0; i < 3; ++i) BOOST_REQUIRE(held.count(t * 10 + i) == 1u);
    }
    BOOST_TEST(stack.counts().pushes() == pushes);
    BOOST_TEST(stack.counts().pops == pops);
  }
}

// What one task wrote is ordered before what another reads by a release that it acquires, by a
// context switch on one CPU, and by nothing less.
BOOST_AUTO_TEST_CASE(order_comes_from_releases_that_are_acquired) {
  struct Way {
    std::memory_order store;
    std::memory_order load;
    unsigned reader_cpu;
    bool ordered;
  };
  for (const Way way : {Way{std::memory_order_release, std::memory_order_acquire, 1, true},
                        Way{std::memory_order_relaxed, std::memory_order_acquire, 1, false},
                        Way{std::memory_order_release, std::memory_order_relaxed, 1, false},
                        Way{std::memory_order_relaxed, std::memory_order_relaxed, 0, true}}) {
    const Schedule none;
    const auto strategy = make_replay(none);
    World world({}, *strategy, stacks());
    Atomic<bool> ready{false};
    Stamp written;
    world.spawn("writer", 0, [&] {
      written = world.stamp();
      ready.store(true, way.store);
    });
    bool ordered = false;
    world.spawn("reader", way.reader_cpu, [&] {
      if (ready.load(way.load)) ordered = world.ordered_after(written);
    });
    BOOST_REQUIRE(world.run() == Ending::kDone);
    BOOST_TEST(ordered == way.ordered);
  }
}

BOOST_AUTO_TEST_CASE(a_check_that_fails_ends_the_run_with_its_words) {
  const Schedule none;
  const auto strategy = make_replay(none);
  World world({}, *strategy, stacks());
  world.spawn("wrong", 0, [] { CHECK_EQ(1 + 1, 3); });
  world.spawn("never", 0, [] { BOOST_TEST(false); });
  BOOST_CHECK(world.run() == Ending::kFailed);
  BOOST_TEST(world.what().find("left is 2, right is 3") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_task_that_crashes_ends_its_run) {
#ifndef RING3_ASAN
  const CrashTrap trap;
  for (int i = 0; i < 3; ++i) {
    const Schedule none;
    const auto strategy = make_replay(none);
    World world({}, *strategy, stacks());
    int* volatile nowhere = nullptr;
    world.spawn("wrong", 0, [&] { *nowhere = 1; });
    BOOST_CHECK(world.run() == Ending::kFailed);
    BOOST_TEST(world.what() == "crashed by signal 11");
  }
#endif
}

BOOST_AUTO_TEST_CASE(a_task_that_loops_without_a_step_ends_its_run) {
#ifndef RING3_ASAN
  const CrashTrap trap;
  const Schedule none;
  const auto strategy = make_replay(none);
  World world({}, *strategy, stacks());
  volatile bool ring = true;
  world.spawn("lost", 0, [&] {
    while (ring) {
    }
  });
  BOOST_CHECK(world.run() == Ending::kFailed);
  BOOST_TEST(world.what() == "loops without a schedule point");
#endif
}

BOOST_AUTO_TEST_CASE(a_run_without_an_end_is_ended) {
  const Schedule none;
  const auto strategy = make_replay(none);
  World world({.max_steps = 1000}, *strategy, stacks());
  world.spawn("spinner", 0, [&] {
    for (;;) world.yield();
  });
  BOOST_CHECK(world.run() == Ending::kEndless);
  BOOST_TEST(world.steps() == 1000u);
}

BOOST_AUTO_TEST_CASE(a_task_can_make_tasks) {
  const Schedule none;
  const auto strategy = make_replay(none);
  World world({}, *strategy, stacks());
  Stamp made;
  bool after = false;
  world.spawn("parent", 0, [&] {
    made = world.stamp();
    world.spawn("child", 1, [&] { after = world.ordered_after(made); });
  });
  BOOST_CHECK(world.run() == Ending::kDone);
  BOOST_TEST(after);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
