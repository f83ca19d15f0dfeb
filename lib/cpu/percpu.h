#pragma once

// Per-CPU data: stacks of pointers and event counters, one cell a CPU.
//
// Each CPU's cell is changed either by restartable sequences (lib/cpu/rseq.h) or, where those are
// missing (Valgrind, TSan, other kernels and machines), under a lock in the cell. Which of the two
// is decided once, when the first per-CPU object is made, and is the same for all of them.
//
// A cell belongs to a CPU number, of which there may be more than CPUs: Topology::host().cpu_ids().
// A thread without a number (no rseq area) has no cell: its pushes and pops are refused, so that it
// takes the path behind them, which all threads share, and it counts in a cell of its own kind.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/cpu/raw_spinlock.h"
#include "lib/cpu/rseq.h"
#include "lib/cpu/task.h"
#include "lib/cpu/topology.h"
#include "lib/os.h"
#include "lib/result.h"

namespace ring3 {

enum class PerCpuMode {
  kRseq,    // restartable sequences
  kLocked,  // a spinlock a cell
};
// What this process uses. kRseq needs a registered rseq area and membarrier's rseq fence.
PerCpuMode percpu_mode();

// A bounded stack of pointers on each CPU: the shape of the kernel's per-CPU page lists and of
// sheaves. push and pop touch only this CPU's cell. All functions may be called by any thread.
class PerCpuStack {
 public:
  // Room for `capacity` > 0 pointers in each of Topology::host().cpu_ids() cells, touched lazily.
  static Result<PerCpuStack> create(uint32_t capacity, PerCpuMode mode = percpu_mode());

  PerCpuStack(PerCpuStack&&) = default;

  // The newest pointer of this CPU, or null when it has none or is being drained.
  void* pop() {
    if (mode_ == PerCpuMode::kLocked) return pop_locked_cell();
    void* pointer;
    rseq::stack_pop(base(), stride_bytes_, pointer, cpus_);
    return pointer;
  }

  // False when this CPU's cell is full or is being drained.
  bool push(void* pointer) {
    if (mode_ == PerCpuMode::kLocked) return push_locked_cell(pointer);
    return rseq::stack_push(base(), stride_bytes_, capacity_, pointer, cpus_) ==
           rseq::Outcome::kDone;
  }

  uint32_t capacity() const { return capacity_; }

  // Calls consume(std::span<void*>) with what `cpu` holds, newest last, and empties the cell. Safe
  // while that CPU goes on pushing and popping: those calls are refused meanwhile. One drain of a
  // cell at a time; a second one waits.
  template <class Consume>
  void drain(unsigned cpu, Consume consume) {
    Cell& cell = stop(cpu);
    consume(std::span<void*>(slots(cell), cell.header.count));
    set_count(cell, 0);
    resume(cell);
  }

  // How many pointers `cpu` holds; stale at once unless nobody pushes or pops.
  uint32_t count_racy(unsigned cpu) const;

 private:
  struct Cell {
    // Sequences address the header at the start of the cell and the slots right behind it.
    rseq::StackHeader header;
  };
  // Behind the slots; taken by drainers, and in kLocked mode by push and pop too.
  RawSpinlock& lock_of(Cell& cell) const;

  PerCpuStack(os::Reservation memory, uint32_t capacity, size_t stride_bytes, PerCpuMode mode)
      : memory_(std::move(memory)), capacity_(capacity), stride_bytes_(stride_bytes), mode_(mode) {}

  std::byte* base() const { return memory_.base(); }
  Cell& cell_of(unsigned cpu) const {
    return *reinterpret_cast<Cell*>(base() + cpu * stride_bytes_);
  }
  // In kLocked mode the lock makes any cell safe, so a number beyond the last one shares a cell.
  Cell& cell_here() const { return cell_of(Task::current().cpu() % cpus_); }
  static void** slots(Cell& cell) { return reinterpret_cast<void**>(&cell + 1); }

  // The owner's store, atomic for the sake of count_racy(); relaxed, since that promises nothing.
  static void set_count(Cell& cell, uint32_t count);
  void* pop_locked_cell();
  bool push_locked_cell(void* pointer);
  Cell& stop(unsigned cpu);
  void resume(Cell& cell);

  os::Reservation memory_;
  uint32_t capacity_;
  uint32_t cpus_ = Topology::host().cpu_ids();
  size_t stride_bytes_;
  PerCpuMode mode_;
};

// Monotonic event counters, a cache-line-aligned row of them a CPU, and one more row. add() is
// exact: no increment is lost to migration or preemption. sum() may miss adds that run at the same
// time.
class PerCpuCounters {
 public:
  static Result<PerCpuCounters> create(size_t counters, PerCpuMode mode = percpu_mode());

  PerCpuCounters(PerCpuCounters&&) = default;

  void add(size_t counter, uint64_t amount) {
    DCHECK_LT(counter, counters_);
    const size_t offset = counter * sizeof(uint64_t);
    if (mode_ == PerCpuMode::kLocked) {
      add_atomically(std::min(Task::current().cpu(), cpus_), counter, amount);
    } else if (rseq::counter_add(memory_.base(), stride_bytes_, offset, amount, cpus_) ==
               rseq::Outcome::kRefused) [[unlikely]] {
      // In the row that no sequence ever touches: a plain add beside an atomic one could lose it.
      add_atomically(cpus_, counter, amount);
    }
  }
  uint64_t sum(size_t counter) const;

 private:
  PerCpuCounters(os::Reservation memory, size_t counters, size_t stride_bytes, PerCpuMode mode)
      : memory_(std::move(memory)), counters_(counters), stride_bytes_(stride_bytes), mode_(mode) {}

  std::atomic_ref<uint64_t> cell(unsigned row, size_t counter) const {
    return std::atomic_ref<uint64_t>(
        reinterpret_cast<uint64_t*>(memory_.base() + row * stride_bytes_)[counter]);
  }
  // Relaxed: a count orders nothing; readers want the sum, not what it was counted for.
  void add_atomically(unsigned row, size_t counter, uint64_t amount) {
    cell(row, counter).fetch_add(amount, std::memory_order_relaxed);
  }

  os::Reservation memory_;
  uint32_t cpus_ =
      Topology::host().cpu_ids();  // also the number of the row for those without a CPU's
  size_t counters_;
  size_t stride_bytes_;
  PerCpuMode mode_;
};

}  // namespace ring3
