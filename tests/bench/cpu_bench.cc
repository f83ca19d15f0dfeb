// Per-CPU stacks beside what else could be done: a pop and a push of an array that belongs to a
// thread (the floor), of a per-CPU array under its spinlock, and of ours, which counts both
// exactly; and what counting costs where it is done apart.

#include <array>
#include <cstdio>

#include "lib/cpu/percpu_counters.h"
#include "lib/cpu/percpu_stack.h"
#include "lib/cpu/raw_spinlock.h"
#include "tests/bench/ratios.h"

namespace {

using namespace ring3;

constexpr uint32_t kCapacity = 252;
constexpr const char* kThread = "thread-local array";
constexpr const char* kSpinlock = "per-CPU spinlock";
constexpr const char* kOurs = "per-CPU stack, counted";
constexpr const char* kLocked = "per-CPU stack, locked form";
constexpr const char* kCounter = "two per-CPU counters";

struct Array {
  uint32_t depth = 0;
  std::array<void*, kCapacity> entries;
};
thread_local Array thread_array;

void thread_pairs(benchmark::State& state) {
  // As code does that does not know the thread: through the thread pointer each time.
  thread_array.entries[thread_array.depth++] = &state;
  for (auto round : state) {
    Array* array = &thread_array;
    benchmark::DoNotOptimize(array);
    if (array->depth == 0) continue;
    void* entry = array->entries[--array->depth];
    benchmark::DoNotOptimize(entry);
    array = &thread_array;
    benchmark::DoNotOptimize(array);
    if (array->depth < kCapacity) array->entries[array->depth++] = entry;
  }
  thread_array.depth = 0;
}

struct alignas(64) LockedArray {
  RawSpinlock lock;
  Array array;
};

void spinlock_pairs(benchmark::State& state) {
  std::vector<LockedArray> cells(Topology::host().cpu_ids());
  for (LockedArray& cell : cells) cell.array.entries[cell.array.depth++] = &state;
  for (auto round : state) {
    void* entry;
    {
      LockedArray& cell = cells[Task::current().cpu()];
      RawSpinlockGuard guard(cell.lock);
      entry = cell.array.entries[--cell.array.depth];
    }
    benchmark::DoNotOptimize(entry);
    LockedArray& cell = cells[Task::current().cpu()];
    RawSpinlockGuard guard(cell.lock);
    cell.array.entries[cell.array.depth++] = entry;
  }
}

void stack_pairs(benchmark::State& state, PerCpuMode mode) {
  auto stack = std::move(PerCpuStack<void*>::create(kCapacity, Topology::host(), mode).value());
  for (int i = 0; i < 4; ++i) stack.push(&state);
  for (auto round : state) {
    void* entry = nullptr;
    stack.pop(entry);
    benchmark::DoNotOptimize(entry);
    stack.push(entry);
  }
}

void counter_pairs(benchmark::State& state) {
  auto counters = std::move(PerCpuCounters::create(2).value());
  for (auto round : state) {
    counters.add(0, 1);
    counters.add(1, 1);
  }
}

void print(const std::map<std::string, double>& medians) {
  if (!medians.contains(kThread)) return;
  const double floor = medians.at(kThread);
  std::puts("\npop + push, medians of CPU time");
  for (const char* who : {kThread, kOurs, kSpinlock, kLocked, kCounter}) {
    const auto found = medians.find(who);
    if (found == medians.end()) continue;
    std::printf("  %-28s %6.2f ns  %5.2f of the thread-local array\n", who, found->second,
                found->second / floor);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bench::add(kThread, thread_pairs);
  if (percpu_mode() == PerCpuMode::kRseq) {
    bench::add(kOurs, [](benchmark::State& s) { stack_pairs(s, PerCpuMode::kRseq); });
  } else {
    std::puts("no restartable sequences here: the locked form is all there is");
  }
  bench::add(kSpinlock, spinlock_pairs);
  bench::add(kLocked, [](benchmark::State& s) { stack_pairs(s, PerCpuMode::kLocked); });
  bench::add(kCounter, counter_pairs);
  bench::MedianReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  print(reporter.medians());
  return 0;
}
