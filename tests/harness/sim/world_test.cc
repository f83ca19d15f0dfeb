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

// ---- Interrupts. ----

BOOST_DATA_TEST_CASE(an_interrupt_comes_at_any_step_and_runs_to_its_end, data::make(kStrategies),
                     kind) {
  std::set<uint64_t> came_at;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto strategy = make_strategy(kind, seed, {{8, 4}});
    World world({.cpus = 1}, *strategy, stacks());
    uint64_t steps = 0;
    bool in_handler = false;
    const uint32_t irq = world.add_interrupt("tick", 0, Context::kHardirq, [&] {
      came_at.insert(steps);
      in_handler = true;
      const Task& task = Task::current();
      if (task.context() != Context::kHardirq || task.irqs_on()) world.fail("not in its context");
      if (task.name() != "tick") world.fail("another's name");
      world.yield();
      in_handler = false;
    });
    world.raise(irq);
    for (int t = 0; t < 2; ++t) {
      world.spawn("task", 0, [&] {
        for (int i = 0; i < 4; ++i, ++steps) {
          if (Task::current().context() != Context::kTask) world.fail("not a task");
          if (in_handler) world.fail("a handler was preempted by a task of its CPU");
          world.yield();
        }
      });
    }
    const Ending ending = world.run();
    BOOST_TEST_INFO(world.what());
    BOOST_REQUIRE(ending == Ending::kDone);
    BOOST_TEST(!in_handler);
  }
  BOOST_TEST(came_at.size() > 2u);
}

BOOST_AUTO_TEST_CASE(what_is_held_off_comes_later) {
  struct Way {
    Context context;
    bool irqs_off;
    bool bottom_halves_off;
    bool comes_inside;
  };
  for (const Way way :
       {Way{Context::kSoftirq, false, false, true}, Way{Context::kSoftirq, false, true, false},
        Way{Context::kSoftirq, true, false, false}, Way{Context::kHardirq, false, true, true},
        Way{Context::kHardirq, true, false, false}, Way{Context::kNmi, true, true, true}}) {
    uint64_t inside = 0;
    uint64_t runs = 0;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const auto strategy = make_strategy(StrategyKind::kRandom, seed, {});
      World world({.cpus = 1}, *strategy, stacks());
      bool held_off = false;
      const uint32_t irq = world.add_interrupt("irq", 0, way.context, [&] {
        ++runs;
        inside += held_off;
      });
      const auto body = [&] {
        held_off = true;
        for (int i = 0; i < 4; ++i) world.yield();
        held_off = false;
      };
      world.spawn("task", 0, [&] {
        if (way.irqs_off) {
          const IrqsOff off;
          body();
        } else if (way.bottom_halves_off) {
          const BottomHalvesOff off;
          body();
        } else {
          body();
        }
      });
      // It preempts the task, and holds nothing off.
      world.spawn("other", 0, [&] {
        for (int i = 0; i < 4; ++i) world.yield();
      });
      world.spawn("raiser", 0, [&] { world.raise(irq); });
      BOOST_REQUIRE(world.run() == Ending::kDone);
    }
    BOOST_TEST(runs == kSeeds);
    BOOST_TEST((inside != 0) == way.comes_inside);
  }
}

BOOST_AUTO_TEST_CASE(a_handler_is_interrupted_by_later_contexts_only) {
  uint64_t nested = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto strategy = make_strategy(StrategyKind::kRandom, seed, {});
    World world({.cpus = 1}, *strategy, stacks());
    std::vector<Context> running;
    const auto handler = [&](Context context) {
      return [&, context] {
        if (!running.empty() && running.back() >= context) world.fail("interrupted by an earlier");
        nested += !running.empty();
        running.push_back(context);
        for (int i = 0; i < 2; ++i) world.yield();
        if (running.back() != context) world.fail("a handler returns before what it interrupted");
        running.pop_back();
      };
    };
    for (const Context context : {Context::kSoftirq, Context::kHardirq, Context::kNmi}) {
      world.raise(world.add_interrupt(context_name(context), 0, context, handler(context)));
    }
    world.spawn("task", 0, [&] {
      for (int i = 0; i < 4; ++i) world.yield();
    });
    const Ending ending = world.run();
    BOOST_TEST_INFO(world.what());
    BOOST_REQUIRE(ending == Ending::kDone);
  }
  BOOST_TEST(nested > kSeeds / 10);
}

BOOST_AUTO_TEST_CASE(raised_before_it_begins_it_runs_once_and_while_it_runs_once_more) {
  const Schedule none;
  const auto strategy = make_replay(none);
  World world({.cpus = 1}, *strategy, stacks());
  int runs = 0;
  uint32_t irq = 0;
  irq = world.add_interrupt("irq", 0, Context::kHardirq, [&] {
    if (++runs == 1) {
      world.raise(irq);
      world.raise(irq);
    }
  });
  world.spawn("raiser", 0, [&] {
    world.raise(irq);
    world.raise(irq);
  });
  BOOST_REQUIRE(world.run() == Ending::kDone);
  BOOST_TEST(runs == 2);
}

BOOST_AUTO_TEST_CASE(a_handler_is_after_the_raise_that_begins_it_and_no_later_one) {
  uint64_t raised_while_it_ran = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto strategy = make_strategy(StrategyKind::kPos, seed, {});
    World world({}, *strategy, stacks());
    std::optional<Stamp> raised;
    int runs = 0;
    const uint32_t irq = world.add_interrupt("irq", 1, Context::kHardirq, [&] {
      const bool before = raised.has_value();
      if (before && !world.ordered_after(*raised)) world.fail("begins before its raise");
      ++runs;
      for (int i = 0; i < 3; ++i) world.yield();
      if (before || !raised) return;
      ++raised_while_it_ran;
      if (world.ordered_after(*raised)) world.fail("ordered after a raise to come");
    });
    world.raise(irq);
    world.spawn("task", 0, [&] {
      for (int i = 0; i < 3; ++i) world.yield();
      raised = world.stamp();
      world.raise(irq);
    });
    const Ending ending = world.run();
    BOOST_TEST_INFO(world.what());
    BOOST_REQUIRE(ending == Ending::kDone);
    BOOST_TEST(runs >= 1);
  }
  BOOST_TEST(raised_while_it_ran > kSeeds / 10);
}

// What spin_lock_irqsave() is for.
BOOST_AUTO_TEST_CASE(a_lock_that_a_handler_takes_holds_it_off_or_deadlocks) {
  uint64_t deadlocks = 0;
  for (uint64_t seed = 0; seed < 2 * kSeeds; ++seed) {
    const bool careless = seed % 2 == 0;
    const auto strategy = make_strategy(StrategyKind::kRandom, seed, {});
    World world({.cpus = 1}, *strategy, stacks());
    RawSpinlock safe;
    Atomic<bool> unsafe{false};
    const auto inside = [&]() NO_THREAD_SAFETY_ANALYSIS {
      if (careless) {
        while (unsafe.exchange(true)) schedule::scheduler->wait_for_change(&unsafe.host_word());
        world.yield();
        unsafe.store(false);
      } else {
        RawSpinlockGuard guard(safe);
        world.yield();
      }
    };
    world.raise(world.add_interrupt("irq", 0, Context::kHardirq, inside));
    world.spawn("task", 0, inside);
    const Ending ending = world.run();
    if (ending == Ending::kDone) continue;
    BOOST_TEST(careless);
    BOOST_CHECK(ending == Ending::kDeadlock);
    BOOST_TEST(world.what().find("irq/1 spins on a word that nobody changes") != std::string::npos);
    BOOST_TEST(world.what().find("task/2 is kept off by irq/1 on CPU 0") != std::string::npos);
    ++deadlocks;
  }
  BOOST_TEST(deadlocks > kSeeds / 20);
}

BOOST_AUTO_TEST_CASE(a_handler_that_sleeps_is_found) {
  uint64_t found = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto strategy = make_strategy(StrategyKind::kRandom, seed, {});
    World world({.cpus = 1}, *strategy, stacks());
    constexpr lockdep::LockClassKey kKey{"mutex"};
    lockdep::Mutex mutex(nullptr, kKey);
    const auto inside = [&] {
      lockdep::MutexGuard guard(mutex);
      world.yield();
    };
    world.raise(world.add_interrupt("timer", 0, Context::kSoftirq, inside));
    world.spawn("task", 0, inside);
    if (world.run() == Ending::kDone) continue;
    BOOST_TEST(world.what() == "sleeps in an interrupt: timer/1, a softirq handler");
    ++found;
  }
  BOOST_TEST(found > kSeeds / 20);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3::harness
