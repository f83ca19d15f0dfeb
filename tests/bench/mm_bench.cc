// Micro-benchmarks of the allocators' fast paths beside glibc's malloc in the same run. At the end
// one line a pair: ring3's median over the peer's.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "mm/mm.h"
#include "tests/bench/ratios.h"

namespace {

using namespace ring3;
using namespace ring3::mm;

Memory& memory() {
  static const auto instance = std::move(Memory::create({.size_bytes = size_t{1} << 30}).value());
  return *instance;
}

struct Ring3Pages {
  static void* alloc(size_t bytes) {
    return memory().pages().alloc_pages(kGfpKernel, Order::for_bytes(bytes));
  }
  static void free(void* page, size_t bytes) {
    memory().pages().free_pages(static_cast<Page*>(page), Order::for_bytes(bytes));
  }
};
struct Ring3Kmalloc {
  static void* alloc(size_t bytes) { return memory().kmalloc(bytes, kGfpKernel); }
  static void free(void* object, size_t) { memory().kfree(object); }
};
Heap& heap() {
  static const auto pages =
      std::move(PageAllocator::create({.size_bytes = size_t{256} << 20, .mappable = true}).value());
  static const auto heap_break = std::move(WindowBreak::create(*pages, size_t{128} << 20).value());
  static const auto instance = std::move(Heap::create(*heap_break, {}).value());
  return *instance;
}
struct Ring3Heap {
  static void* alloc(size_t bytes) { return heap().malloc(bytes); }
  static void free(void* block, size_t) { heap().free(block); }
};
struct Glibc {
  static void* alloc(size_t bytes) { return std::malloc(bytes); }
  static void free(void* object, size_t) { std::free(object); }
};

// Allocates `batch` objects, then frees them in the same order; an iteration is one pair.
template <class Allocator>
void pairs(benchmark::State& state, size_t bytes, size_t batch) {
  std::vector<void*> objects(batch);
  for (auto round : state) {
    for (void*& object : objects) {
      object = Allocator::alloc(bytes);
      benchmark::DoNotOptimize(object);
    }
    for (void* object : objects) Allocator::free(object, bytes);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(batch));
}

template <class Ours>
void add(const std::string& what, size_t bytes, size_t batch) {
  const std::string name = what + "/" + std::to_string(bytes) + "B/" +
                           (batch == 1 ? std::string("repeat") : "batch" + std::to_string(batch));
  bench::add(name + "/ring3", [=](benchmark::State& s) { pairs<Ours>(s, bytes, batch); });
  bench::add(name + "/glibc", [=](benchmark::State& s) { pairs<Glibc>(s, bytes, batch); });
}

// A request that best fit looks at 10^5 free blocks for; an iteration is it and its free.
void best_of_many(benchmark::State& state) {
  constexpr size_t kHoles = 100'000;
  const auto pages =
      std::move(PageAllocator::create({.size_bytes = size_t{256} << 20, .mappable = true}).value());
  const auto heap_break = std::move(WindowBreak::create(*pages, size_t{128} << 20).value());
  const auto many = std::move(Heap::create(*heap_break, {.policy = fit_policy_named("best"),
                                                         .coalescing = Coalescing::kImmediate})
                                  .value());
  std::vector<void*> blocks(2 * kHoles);
  for (void*& block : blocks) block = many->malloc(256);
  for (size_t i = 0; i < blocks.size(); i += 2) many->free(blocks[i]);
  for (auto round : state) many->free(many->malloc(160));
}

void print_ratios(const std::map<std::string, double>& medians) {
  std::puts("\nring3 over glibc, medians of CPU time (below 1: ring3 is faster)");
  for (const auto& [name, ns] : medians) {
    const size_t who = name.rfind("/ring3");
    if (who == std::string::npos) continue;
    const auto peer = medians.find(name.substr(0, who) + "/glibc");
    if (peer != medians.end()) {
      std::printf("  %-28s %6.2f\n", name.substr(0, who).c_str(), ns / peer->second);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const size_t batch : {size_t{1}, size_t{1000}}) {
    add<Ring3Pages>("pages", 4096, batch);
    add<Ring3Pages>("pages", 65536, std::min<size_t>(batch, 100));
    add<Ring3Kmalloc>("kmalloc", 64, batch);
    add<Ring3Kmalloc>("kmalloc", 256, batch);
    add<Ring3Heap>("heap", 64, batch);
  }
  bench::add("heap/best_of_100000", best_of_many);
  bench::MedianReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  print_ratios(reporter.medians());
  return 0;
}
