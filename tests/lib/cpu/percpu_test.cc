#include "lib/cpu/percpu.h"

#include <sched.h>

#include <atomic>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace ring3 {
namespace {

namespace data = boost::unit_test::data;

// Both ways, where this process has both.
std::vector<PerCpuMode> modes() {
  if (percpu_mode() == PerCpuMode::kLocked) return {PerCpuMode::kLocked};
  return {PerCpuMode::kRseq, PerCpuMode::kLocked};
}

void* pointer(uintptr_t number) { return reinterpret_cast<void*>(number); }

// Moves this thread from CPU to CPU while it lives.
class Migrator {
 public:
  void hop(uint64_t i) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(i % Topology::host().online_count(), &set);
    sched_setaffinity(0, sizeof set, &set);
  }
};

}  // namespace

std::ostream& operator<<(std::ostream& out, PerCpuMode mode);
std::ostream& operator<<(std::ostream& out, PerCpuMode mode) {
  return out << (mode == PerCpuMode::kRseq ? "rseq" : "locked");
}

BOOST_AUTO_TEST_SUITE(lib_cpu_percpu)

BOOST_AUTO_TEST_CASE(the_mode_follows_what_the_c_library_registered) {
  const char* tunables = std::getenv("GLIBC_TUNABLES");
  const bool forbidden =
      tunables != nullptr && std::string(tunables).find("rseq=0") != std::string::npos;
  if (forbidden) BOOST_CHECK(percpu_mode() == PerCpuMode::kLocked);
  BOOST_TEST_MESSAGE("per-CPU mode: " << percpu_mode());
  BOOST_CHECK((percpu_mode() == PerCpuMode::kRseq) ==
              (rseq::registered() && os::rseq_fence_supported()));
}

// On one CPU, so that every call meets the same cell.
BOOST_DATA_TEST_CASE(last_in_is_first_out_up_to_the_capacity, data::make(modes()), mode) {
  std::thread([mode] {
    Migrator().hop(0);
    PerCpuStack stack = std::move(PerCpuStack::create(3, mode).value());
    BOOST_TEST(stack.pop() == nullptr);
    BOOST_TEST(stack.push(pointer(1)));
    BOOST_TEST(stack.push(pointer(2)));
    BOOST_TEST(stack.push(pointer(3)));
    BOOST_TEST(!stack.push(pointer(4)));
    BOOST_TEST(stack.count_racy(0) == 3u);
    for (uintptr_t expected = 3; expected > 0; --expected) {
      BOOST_TEST(stack.pop() == pointer(expected));
    }
    BOOST_TEST(stack.pop() == nullptr);
  }).join();
}

BOOST_DATA_TEST_CASE(a_drain_takes_all_and_leaves_the_cell_usable, data::make(modes()), mode) {
  std::thread([mode] {
    Migrator().hop(0);
    PerCpuStack stack = std::move(PerCpuStack::create(8, mode).value());
    for (uintptr_t i = 1; i <= 5; ++i) stack.push(pointer(i));
    std::vector<void*> drained;
    stack.drain(
        0, [&](std::span<void*> pointers) { drained.assign(pointers.begin(), pointers.end()); });
    BOOST_TEST(drained.size() == 5u);
    BOOST_TEST(drained.back() == pointer(5));
    BOOST_TEST(stack.pop() == nullptr);
    BOOST_TEST(stack.push(pointer(9)));
    BOOST_TEST(stack.pop() == pointer(9));
  }).join();
}

// Threads that push, pop and hop between CPUs, while another drains as often as it can: every
// pointer is somewhere, and nowhere twice.
void churn(PerCpuStack& stack) {
  constexpr uintptr_t kEach = 2000;
  constexpr size_t kThreads = 4;
  std::atomic<bool> stop{false};
  std::vector<std::vector<void*>> held(kThreads + 1);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::vector<void*>& mine = held[t];
      for (uintptr_t i = 1; i <= kEach; ++i) mine.push_back(pointer(t * kEach + i));
      Migrator migrator;
      for (uint64_t step = 0; step < 200'000; ++step) {
        if (step % 1024 == 0) migrator.hop(step / 1024 + t);
        if (!mine.empty() && (step * 2654435761u >> 7) % 2 == 0) {
          if (stack.push(mine.back())) mine.pop_back();
        } else if (void* popped = stack.pop()) {
          mine.push_back(popped);
        }
      }
    });
  }
  const auto drain_all = [&] {
    for (unsigned cpu = 0; cpu < Topology::host().cpu_ids(); ++cpu) {
      stack.drain(cpu, [&](std::span<void*> pointers) {
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
  std::set<void*> distinct;
  size_t count = 0;
  for (const auto& some : held) {
    distinct.insert(some.begin(), some.end());
    count += some.size();
  }
  BOOST_TEST(count == kThreads * kEach);
  BOOST_TEST(distinct.size() == count);
}

// Many rounds: a sequence that read the count before it looked whether the cell is stopped gave
// pointers out twice in two rounds of five.
BOOST_DATA_TEST_CASE(no_pointer_is_lost_or_doubled, data::make(modes()), mode) {
  PerCpuStack stack = std::move(PerCpuStack::create(500, mode).value());
  const int rounds = mode == PerCpuMode::kRseq ? 20 : 2;
  for (int round = 0; round < rounds; ++round) churn(stack);
}

// Increments are exact although threads hop and are interrupted by signals in the middle of them.
BOOST_DATA_TEST_CASE(counters_lose_nothing, data::make(modes()), mode) {
  PerCpuCounters counters = std::move(PerCpuCounters::create(3, mode).value());
  std::signal(SIGUSR2, [](int) {});
  std::vector<std::thread> threads;
  std::atomic<int> running{4};
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Migrator migrator;
      for (uint64_t i = 0; i < 300'000; ++i) {
        if (i % 4096 == 0) migrator.hop(i / 4096 + t);
        counters.add(1, 1);
        if (i % 3 == 0) counters.add(2, 5);
      }
      --running;
    });
  }
  while (running > 0) {
    for (std::thread& thread : threads) pthread_kill(thread.native_handle(), SIGUSR2);
    os::sleep_for(microseconds(50));
  }
  for (std::thread& thread : threads) thread.join();
  std::signal(SIGUSR2, SIG_DFL);
  BOOST_TEST(counters.sum(0) == 0u);
  BOOST_TEST(counters.sum(1) == 1'200'000u);
  BOOST_TEST(counters.sum(2) == 4u * 100'000 * 5);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ring3
