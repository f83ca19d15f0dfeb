// malloc, calloc, aligned_alloc, realloc and free on a few heaps that all workers share, each under
// a mutex of its own; their pages come from the arena as they are touched, and go back when a break
// falls.

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "harness/stress/mm_workloads.h"
#include "harness/stress/object_workload.h"

namespace ring3::harness {
namespace {

constexpr size_t kHeaps = 4;
constexpr uint64_t kLeastLimit = uint64_t{64} << 10;
constexpr uint64_t kMostLimit = uint64_t{16} << 20;  // more mappings than a host has are no help
constexpr uint64_t kTrimOneIn = 32;                  // frees
constexpr uint64_t kCheckOneIn = 512;                // frees
constexpr lockdep::LockClassKey kHeapKey{"heap->lock"};

// One heap, and the lock that makes it anybody's.
class SharedHeap {
 public:
  static Result<std::unique_ptr<SharedHeap>> create(Machine& machine, size_t index,
                                                    uint64_t limit_bytes) {
    auto heap_break = mm::WindowBreak::create(machine.memory().pages(), limit_bytes);
    if (!heap_break) return heap_break.error();
    auto heap = mm::Heap::create(
        **heap_break,
        {.policy = &mm::kAllFitPolicies[index % mm::kFitPolicies],
         .coalescing = index % 2 == 0 ? mm::Coalescing::kDeferred : mm::Coalescing::kImmediate,
         .reports = &machine.sink()});
    if (!heap) return heap.error();
    return std::unique_ptr<SharedHeap>(
        new SharedHeap(machine.lockdep(), std::move(*heap_break), std::move(*heap)));
  }

  // A block of `bytes`, every page of which is there; null when there is no memory. What it does
  // and what was found wrong with it is of the caller's randomness and into his counts.
  std::byte* allocate(size_t bytes, Prng& prng, WorkerStats& stats) EXCLUDES(lock_) {
    lockdep::MutexGuard guard(lock_);
    switch (prng.below(8)) {
      case 0:
        return zeroed_locked(bytes, stats);
      case 1:
        return there_locked(heap_->aligned_alloc(size_t{32} << prng.below(8), bytes), bytes);
      case 2:
      case 3:
        return resized_locked(bytes, prng, stats);
      default:
        return there_locked(heap_->malloc(bytes), bytes);
    }
  }

  void free(std::byte* data, Prng& prng, WorkerStats& stats) EXCLUDES(lock_) {
    lockdep::MutexGuard guard(lock_);
    heap_->free(data);
    if (prng.chance(1, kTrimOneIn)) heap_->trim(prng.below(16'384));
    if (prng.chance(1, kCheckOneIn)) check_locked(stats);
  }

  // Everybody has freed what was his.
  void finish(WorkerStats& stats) EXCLUDES(lock_) {
    lockdep::MutexGuard guard(lock_);
    check_locked(stats);
    heap_->trim(0);
    const size_t left = heap_->usage().blocks;
    const uint64_t pages = break_->resident_pages().value();
    if (left == 0 && pages == 0) {
      ++stats.verified;
    } else {
      stats.error(
          fmt::format("a heap has {} blocks and {} pages left when all is free", left, pages));
    }
  }

 private:
  SharedHeap(lockdep::Lockdep& lockdep, std::unique_ptr<mm::WindowBreak> heap_break,
             std::unique_ptr<mm::Heap> heap)
      : lock_(&lockdep, kHeapKey), break_(std::move(heap_break)), heap_(std::move(heap)) {}

  // The block with its pages; null, and freed, when there are none.
  std::byte* there_locked(void* data, size_t bytes) REQUIRES(lock_) {
    if (data == nullptr || bytes == 0 || break_->touch(data, bytes) <= mm::Touch::kMinorFault) {
      return static_cast<std::byte*>(data);
    }
    heap_->free(data);
    return nullptr;
  }

  std::byte* zeroed_locked(size_t bytes, WorkerStats& stats) REQUIRES(lock_) {
    auto* data = static_cast<std::byte*>(heap_->calloc(1, bytes));
    if (data != nullptr && !is_all(data, bytes, 0)) stats.error("calloc gave what is not zero");
    return data;
  }

  // Made with another size first, which keeps its bytes.
  std::byte* resized_locked(size_t bytes, Prng& prng, WorkerStats& stats) REQUIRES(lock_) {
    constexpr int kValue = 0x5a;
    const size_t before = prng.below(2 * bytes + 1);
    std::byte* data = there_locked(heap_->malloc(before), before);
    if (data == nullptr) return nullptr;
    std::memset(data, kValue, before);
    void* moved = heap_->realloc(data, std::max<size_t>(bytes, 1));
    if (moved == nullptr) {
      heap_->free(data);
      return nullptr;
    }
    data = there_locked(moved, bytes);
    if (data != nullptr && !is_all(data, std::min(before, bytes), kValue)) {
      stats.error("realloc lost bytes of the block that it moved");
    }
    return data;
  }

  static bool is_all(const std::byte* data, size_t bytes, int value) {
    return std::all_of(data, data + bytes,
                       [value](std::byte byte) { return byte == static_cast<std::byte>(value); });
  }

  void check_locked(WorkerStats& stats) REQUIRES(lock_) {
    const std::string wrong = heap_->check();
    if (wrong.empty()) {
      ++stats.verified;
    } else {
      stats.error(wrong);
    }
  }

  lockdep::Mutex lock_;
  const std::unique_ptr<mm::WindowBreak> break_ PT_GUARDED_BY(lock_);
  const std::unique_ptr<mm::Heap> heap_ PT_GUARDED_BY(lock_);
};

struct HeapContext {
  std::vector<std::unique_ptr<SharedHeap>>& heaps;
  size_t budget_bytes;
  PatternDepth depth;
};

class HeapWorker final : public ObjectWorker {
 public:
  HeapWorker(const HeapContext& context, Prng prng, WorkerStats& stats, TransferArray& transfer)
      : ObjectWorker(prng, stats, transfer,
                     {.objects = 1024, .bytes = context.budget_bytes, .depth = context.depth}),
        heaps_(context.heaps) {}

 private:
  // Mostly small ones; now and then some pages.
  Object allocate() override {
    const auto heap = static_cast<uint32_t>(prng().below(heaps_.size()));
    const size_t bytes = prng().below(prng().chance(1, 64) ? 16'384 : 512);
    return {
        .address = heaps_[heap]->allocate(bytes, prng(), stats()), .bytes = bytes, .kind = heap};
  }
  void release(const Object& object) override {
    heaps_[object.kind]->free(object.address, prng(), stats());
  }

  std::vector<std::unique_ptr<SharedHeap>>& heaps_;
};

class HeapWorkload final : public Workload {
 public:
  HeapWorkload(Machine& machine, std::vector<std::unique_ptr<SharedHeap>> heaps,
               size_t budget_bytes, PatternDepth depth)
      : heaps_(std::move(heaps)), objects_(machine.lockdep(), {heaps_, budget_bytes, depth}) {}

  std::unique_ptr<Worker> make_worker(Prng prng, WorkerStats& stats) override {
    return objects_.make_worker(prng, stats);
  }
  void finish(WorkerStats& stats) override {
    objects_.finish(stats);
    for (const auto& heap : heaps_) heap->finish(stats);
  }

 private:
  std::vector<std::unique_ptr<SharedHeap>> heaps_;
  ObjectWorkload<HeapWorker, HeapContext> objects_;
};

}  // namespace

Result<std::unique_ptr<Workload>> make_heap_workload(Machine& machine, const StressOptions& options,
                                                     size_t budget_bytes) {
  const uint64_t all = budget_bytes * options.workers_of(WorkloadKind::kHeap);
  const uint64_t limit = std::clamp<uint64_t>(all / kHeaps, kLeastLimit, kMostLimit);
  std::vector<std::unique_ptr<SharedHeap>> heaps;
  for (size_t i = 0; i < kHeaps; ++i) {
    auto heap = SharedHeap::create(machine, i, limit);
    if (!heap) return heap.error();
    heaps.push_back(std::move(*heap));
  }
  return std::unique_ptr<Workload>(
      new HeapWorkload(machine, std::move(heaps), budget_bytes,
                       options.verify ? PatternDepth::kWhole : PatternDepth::kEnds));
}

}  // namespace ring3::harness
