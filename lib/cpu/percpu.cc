#include "lib/cpu/percpu.h"

#include "lib/bits.h"

namespace ring3 {
namespace {

constexpr size_t kCacheLineBytes = 64;

Result<os::Reservation> reserve_cells(size_t stride_bytes, size_t cells) {
  return os::reserve(stride_bytes * cells, kCacheLineBytes);
}

}  // namespace

PerCpuMode percpu_mode() {
  static const PerCpuMode mode =
      rseq::registered() && os::rseq_fence_supported() ? PerCpuMode::kRseq : PerCpuMode::kLocked;
  return mode;
}

Result<PerCpuStack> PerCpuStack::create(uint32_t capacity, PerCpuMode mode) {
  CHECK_GT(capacity, 0u);
  const size_t stride =
      align_up(sizeof(Cell) + capacity * sizeof(void*) + sizeof(RawSpinlock), kCacheLineBytes);
  Result<os::Reservation> memory = reserve_cells(stride, Topology::host().cpu_ids());
  if (!memory) return memory.error();
  return PerCpuStack(std::move(*memory), capacity, stride, mode);
}

// A RawSpinlock of zero bytes is an unlocked one, so the fresh mapping needs no initialisation.
RawSpinlock& PerCpuStack::lock_of(Cell& cell) const {
  return *reinterpret_cast<RawSpinlock*>(slots(cell) + capacity_);
}

void PerCpuStack::set_count(Cell& cell, uint32_t count) {
  std::atomic_ref<uint32_t>(cell.header.count).store(count, std::memory_order_relaxed);
}

void* PerCpuStack::pop_locked_cell() {
  Cell& cell = cell_here();
  RawSpinlockGuard guard(lock_of(cell));
  const uint32_t count = cell.header.count;
  if (count == 0) return nullptr;
  set_count(cell, count - 1);
  return slots(cell)[count - 1];
}

bool PerCpuStack::push_locked_cell(void* pointer) {
  Cell& cell = cell_here();
  RawSpinlockGuard guard(lock_of(cell));
  const uint32_t count = cell.header.count;
  if (count == capacity_) return false;
  slots(cell)[count] = pointer;
  set_count(cell, count + 1);
  return true;
}

// Taken by stop() and released by resume(): the analysis cannot follow a lock across two calls.
PerCpuStack::Cell& PerCpuStack::stop(unsigned cpu) NO_THREAD_SAFETY_ANALYSIS {
  CHECK_LT(cpu, cpus_);
  Cell& cell = cell_of(cpu);
  lock_of(cell).lock();
  if (mode_ == PerCpuMode::kRseq) {
    // 1. From now on new sequences on that CPU refuse.
    std::atomic_ref<uint32_t>(cell.header.stopped).store(1, std::memory_order_seq_cst);
    // 2. Those already past the test have committed or start again and see it. The cell is ours.
    os::rseq_fence(cpu);
  }
  return cell;
}

void PerCpuStack::resume(Cell& cell) NO_THREAD_SAFETY_ANALYSIS {
  if (mode_ == PerCpuMode::kRseq) {
    // Release: a sequence that sees 0 sees the emptied cell. On x86-64 its plain load acquires.
    std::atomic_ref<uint32_t>(cell.header.stopped).store(0, std::memory_order_release);
  }
  lock_of(cell).unlock();
}

uint32_t PerCpuStack::count_racy(unsigned cpu) const {
  return std::atomic_ref<uint32_t>(cell_of(cpu).header.count).load(std::memory_order_relaxed);
}

Result<PerCpuCounters> PerCpuCounters::create(size_t counters, PerCpuMode mode) {
  CHECK_GT(counters, 0u);
  const size_t stride = align_up(counters * sizeof(uint64_t), kCacheLineBytes);
  Result<os::Reservation> memory = reserve_cells(stride, Topology::host().cpu_ids() + 1);
  if (!memory) return memory.error();
  return PerCpuCounters(std::move(*memory), counters, stride, mode);
}

uint64_t PerCpuCounters::sum(size_t counter) const {
  CHECK_LT(counter, counters_);
  uint64_t total = 0;
  for (unsigned row = 0; row <= cpus_; ++row) {
    total += cell(row, counter).load(std::memory_order_relaxed);
  }
  return total;
}

}  // namespace ring3
