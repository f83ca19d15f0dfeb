#include "lib/cpu/percpu_stack.h"

#include <atomic>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/lib/cpu/percpu_fixture.h"

namespace ring3 {

namespace data = boost::unit_test::data;

BOOST_AUTO_TEST_SUITE(lib_cpu_percpu_stack)

BOOST_AUTO_TEST_CASE(the_mode_follows_what_the_c_library_registered) {
  const char* tunables = std::getenv("GLIBC_TUNABLES");
  const bool forbidden =
      tunables != nullptr && std::string(tunables).find("rseq=0") != std::string::npos;
  if (forbidden) BOOST_CHECK(percpu_mode() == PerCpuMode::kLocked);
  BOOST_TEST_MESSAGE("per-CPU mode: " << percpu_mode());
  BOOST_CHECK((percpu_mode() == PerCpuMode::kRseq) ==
              (rseq::registered() && os::rseq_fence_supported()));
}

template <class Entry>
PerCpuStack<Entry> make(uint32_t capacity, PerCpuMode mode) {
  return std::move(PerCpuStack<Entry>::create(capacity, Topology::host(), mode).value());
}

// On one CPU, so that every call meets the same cell.
template <class Check>
void on_one_cpu(Check check) {
  std::thread([check] {
    test::hop(0);
    check(Task::current().cpu());
  }).join();
}

template <class Entry>
void last_in_is_first_out(PerCpuMode mode) {
  on_one_cpu([mode](unsigned cpu) {
    const auto entry = [](uintptr_t number) { return Entry(number); };
    PerCpuStack<Entry> stack = make<Entry>(3, mode);
    Entry popped{};
    BOOST_TEST(!stack.pop(popped));
    // 0 is an entry like any other.
    for (uintptr_t number = 0; number < 3; ++number) BOOST_TEST(stack.push(entry(number)));
    BOOST_TEST(!stack.push(entry(4)));
    BOOST_TEST(stack.counts(cpu).depth == 3u);
    for (uintptr_t number = 3; number-- > 0;) {
      BOOST_REQUIRE(stack.pop(popped));
      BOOST_CHECK(popped == entry(number));
    }
    BOOST_TEST(!stack.pop(popped));
    BOOST_TEST(stack.counts(cpu).pops == 3u);
    BOOST_TEST(stack.counts(cpu).pushes() == 3u);
  });
}
BOOST_DATA_TEST_CASE(last_in_is_first_out_up_to_the_capacity, data::make(test::percpu_modes()),
                     mode) {
  last_in_is_first_out<uint32_t>(mode);
  last_in_is_first_out<uint64_t>(mode);
}

BOOST_DATA_TEST_CASE(a_drain_takes_all_and_shuts_the_cell_until_it_is_woken,
                     data::make(test::percpu_modes()), mode) {
  on_one_cpu([mode](unsigned cpu) {
    PerCpuStack<uint32_t> stack = make<uint32_t>(8, mode);
    for (uint32_t i = 1; i <= 5; ++i) stack.push(i);
    std::vector<uint32_t> drained;
    stack.drain(cpu, [&](std::span<uint32_t> entries) {
      drained.assign(entries.begin(), entries.end());
      // Meanwhile nothing passes.
      uint32_t popped;
      if (mode == PerCpuMode::kRseq) {
        BOOST_TEST(!stack.pop(popped));
        BOOST_TEST(!stack.push(7));
        BOOST_TEST(!stack.evict(1, [](std::span<uint32_t>) { BOOST_TEST(false); }));
      }
    });
    BOOST_TEST(drained == std::vector<uint32_t>({1, 2, 3, 4, 5}));
    uint32_t popped = 0;
    BOOST_TEST(stack.is_shut());
    BOOST_TEST(!stack.pop(popped));
    BOOST_TEST(!stack.push(9));
    BOOST_TEST(stack.fill(drained) == 0u);
    BOOST_TEST(!stack.evict(1, [](std::span<uint32_t>) { BOOST_TEST(false); }));
    stack.drain(cpu, [](std::span<uint32_t>) { BOOST_TEST(false); });
    stack.wake();
    BOOST_TEST(!stack.is_shut());
    BOOST_TEST(stack.push(9));
    stack.wake();  // of a cell that is awake: nothing
    BOOST_TEST(stack.pop(popped));
    BOOST_TEST(popped == 9u);
  });
}

BOOST_DATA_TEST_CASE(stacks_are_drained_together, data::make(test::percpu_modes()), mode) {
  on_one_cpu([mode](unsigned cpu) {
    std::vector<PerCpuStack<uint32_t>> stacks;
    for (uint32_t i = 0; i < 3; ++i) stacks.push_back(make<uint32_t>(4, mode));
    BOOST_TEST(stacks[0].push(1));
    BOOST_TEST(stacks[2].push(2));
    BOOST_TEST(stacks[2].push(3));
    std::vector<std::vector<uint32_t>> drained(3);
    PerCpuStack<uint32_t>::drain(stacks, cpu, [&](size_t i, std::span<uint32_t> entries) {
      drained[i].assign(entries.begin(), entries.end());
    });
    BOOST_CHECK((drained == std::vector<std::vector<uint32_t>>{{1}, {}, {2, 3}}));
    for (const auto& stack : stacks) {
      BOOST_TEST(stack.is_shut());
      BOOST_TEST(stack.counts(cpu).depth == 0u);
    }
    BOOST_TEST(stacks[2].counts(cpu).removed == 2u);
  });
}

BOOST_DATA_TEST_CASE(a_stack_is_filled_as_far_as_it_goes, data::make(test::percpu_modes()), mode) {
  on_one_cpu([mode](unsigned cpu) {
    PerCpuStack<uint32_t> stack = make<uint32_t>(4, mode);
    BOOST_TEST(stack.push(1));
    BOOST_TEST(stack.fill(std::vector<uint32_t>{3, 2}) == 2u);
    BOOST_TEST(stack.fill(std::vector<uint32_t>{5, 4}) == 1u);
    BOOST_TEST(stack.fill(std::vector<uint32_t>{6}) == 0u);
    uint32_t popped = 0;
    for (uint32_t expected = 4; expected > 0; --expected) {
      BOOST_REQUIRE(stack.pop(popped));
      BOOST_TEST(popped == expected);
    }
    BOOST_TEST(stack.counts(cpu).pushes() == 4u);
  });
}

BOOST_DATA_TEST_CASE(an_eviction_takes_the_oldest_and_what_stays_keeps_its_order,
                     data::make(test::percpu_modes()), mode) {
  on_one_cpu([mode](unsigned cpu) {
    PerCpuStack<uint64_t> stack = make<uint64_t>(6, mode);
    for (uint64_t i = 1; i <= 6; ++i) stack.push(i);
    std::vector<uint64_t> evicted;
    const auto take = [&](std::span<uint64_t> entries) {
      evicted.assign(entries.begin(), entries.end());
    };
    BOOST_TEST(stack.evict(4, take));
    BOOST_TEST(evicted == std::vector<uint64_t>({1, 2, 3, 4}));
    uint64_t popped = 0;
    BOOST_TEST(stack.pop(popped));
    BOOST_TEST(popped == 6u);
    BOOST_TEST(stack.evict(4, take));
    BOOST_TEST(evicted == std::vector<uint64_t>({5}));
    const StackCounts counts = stack.counts(cpu);
    BOOST_TEST(counts.pops == 1u);
    BOOST_TEST(counts.removed == 5u);
    BOOST_TEST(counts.depth == 0u);
    BOOST_TEST(counts.pushes() == 6u);
  });
}

BOOST_DATA_TEST_CASE(a_cpu_that_was_not_there_is_refused_until_it_comes,
                     data::make(test::percpu_modes()), mode) {
  on_one_cpu([mode](unsigned cpu) {
    Topology topology = std::move(Topology::simulated(Topology::host().cpu_ids() + 1, 1).value());
    BOOST_TEST(topology.set_online(cpu, false).ok());
    auto stack = std::move(PerCpuStack<uint32_t>::create(4, topology, mode).value());
    uint32_t popped;
    BOOST_TEST(!stack.push(1));
    BOOST_TEST(!stack.pop(popped));
    stack.drain(cpu, [](std::span<uint32_t>) { BOOST_TEST(false); });
    stack.bring_up(cpu);
    BOOST_TEST(stack.push(1));
    stack.bring_up(cpu);
    BOOST_TEST(stack.pop(popped));
  });
}

// Threads that push, pop, evict and hop between CPUs, while another drains as often as it can:
// every entry is somewhere, and nowhere twice.
void churn(PerCpuStack<uintptr_t>& stack) {
  constexpr uintptr_t kEach = 2000;
  constexpr size_t kThreads = 4;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> pushes{0};
  std::atomic<uint64_t> pops{0};
  const StackCounts before = stack.counts();
  std::vector<std::vector<uintptr_t>> held(kThreads + 1);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<uintptr_t>& mine = held[t];
      for (uintptr_t i = 1; i <= kEach; ++i) mine.push_back(t * kEach + i);
      for (uint64_t step = 0; step < 200'000; ++step) {
        if (step % 1024 == 0) test::hop(step / 1024 + t);
        if (!mine.empty() && (step * 2654435761u >> 7) % 2 == 0) {
          if (!stack.push(mine.back())) {
            if (stack.is_shut()) stack.wake();
            continue;
          }
          mine.pop_back();
          ++pushes;
        } else if (uintptr_t popped; stack.pop(popped)) {
          mine.push_back(popped);
          ++pops;
        } else if (step % 64 == 0) {
          stack.evict(7, [&](std::span<uintptr_t> oldest) {
            mine.insert(mine.end(), oldest.begin(), oldest.end());
          });
        }
      }
    });
  }
  const auto drain_all = [&] {
    for (unsigned cpu = 0; cpu < stack.cpus(); ++cpu) {
      stack.drain(cpu, [&](std::span<uintptr_t> pointers) {
        held[kThreads].insert(held[kThreads].end(), pointers.begin(), pointers.end());
      });
    }
  };
  std::thread drainer([&] {
    while (!stop) {
      drain_all();
      os::sleep_for(microseconds(20));
    }
  });
  for (std::thread& thread : threads) thread.join();
  stop = true;
  drainer.join();
  drain_all();
  std::set<uintptr_t> distinct;
  size_t count = 0;
  for (const auto& some : held) {
    distinct.insert(some.begin(), some.end());
    count += some.size();
  }
  BOOST_TEST(count == kThreads * kEach);
  BOOST_TEST(distinct.size() == count);
  // The headers have counted every one.
  const StackCounts counts = stack.counts();
  BOOST_TEST(counts.depth == 0u);
  BOOST_TEST(counts.pops - before.pops == pops);
  BOOST_TEST(counts.pushes() - before.pushes() == pushes);
}

// Many rounds: a sequence that read the header before the gate gave entries out twice in two rounds
// of five.
BOOST_DATA_TEST_CASE(no_entry_is_lost_or_doubled, data::make(test::percpu_modes()), mode) {
  PerCpuStack<uintptr_t> stack = make<uintptr_t>(500, mode);
  const int rounds = mode == PerCpuMode::kRseq ? 20 : 2;
  for (int round = 0; round < rounds; ++round) churn(stack);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
