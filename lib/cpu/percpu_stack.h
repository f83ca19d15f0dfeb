#pragma once

// A bounded stack on each CPU: the shape of the kernel's per-CPU page lists and of sheaves. push
// and pop touch this CPU's cell only. All functions may be called by any thread.
//
// Who owns a cell: while its gate is open, the CPU it belongs to, through sequences, one at a time
// and undone when they are interrupted; while it is closed, whoever closed it. A gate goes from
// open to closed by a compare-and-swap, so one of several wins and the others wait or go another
// way; the store that opens it again releases what the owner did. The locked form has no sequences:
// there every push and pop closes the gate for its own duration, which makes the gate a spinlock.
//
// What a drain has emptied stays shut: it is nobody's, and every push and pop is refused until
// somebody wakes it. So whoever keeps a flag "there may be something since the last drain" and sets
// it before he wakes a cell needs to tell nobody of each push.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "lib/cpu/atomic.h"
#include "lib/cpu/percpu.h"
#include "lib/cpu/simulated_rseq.h"
#include "lib/cpu/task.h"

namespace ring3 {

// What passed through stacks, exact while nobody pushes or pops: every push is a pop, is still
// here, or was removed by drain() or evict().
struct StackCounts {
  uint64_t pops = 0;  // modulo 2^48 a CPU
  uint64_t depth = 0;
  uint64_t removed = 0;
  uint64_t pushes() const { return pops + depth + removed; }
  StackCounts& operator+=(const StackCounts& other) {
    pops += other.pops;
    depth += other.depth;
    removed += other.removed;
    return *this;
  }
};

// The part that does not depend on what is stacked.
class PerCpuStackBase {
 public:
  static constexpr uint32_t kMaxCapacity = rseq::kMaxDepth;
  static constexpr size_t kMaxTogether = 40;  // stacks in one drain

  uint32_t capacity() const { return capacity_; }
  // One more than the highest number of a CPU that has a stack.
  unsigned cpus() const { return cells_.cpus; }
  // A CPU that was not online when the stacks were made: from now on it has one.
  void bring_up(unsigned cpu);
  // True when a drain has shut this CPU's cell; wake() opens it.
  bool is_shut() const;
  void wake();
  // Stale at once unless nobody pushes or pops.
  StackCounts counts(unsigned cpu) const;
  StackCounts counts() const;

 protected:
  PerCpuStackBase(const rseq::Cells& cells, uint32_t capacity, PerCpuMode mode,
                  const Topology& topology);
  // The bytes that a stack takes of a CPU's memory.
  static size_t cell_bytes(uint32_t capacity, size_t entry_bytes);
  // Memory for a stack; or for several, which the first of them owns.
  static Result<PerCpuCells> create_cells(size_t bytes, const Topology& topology);
  void keep(PerCpuCells memory) { memory_.emplace(std::move(memory)); }

  PerCpuMode mode() const { return mode_; }
  const rseq::Cells& cells() const { return cells_; }
  rseq::StackCell& cell(unsigned cpu) const {
    return *reinterpret_cast<rseq::StackCell*>(cells_.base + (size_t{cpu} << cells_.shift));
  }

  // The cell of `cpu`, closed and ours once fence(cpu) has returned; null when it was never opened
  // or is shut, and so is empty.
  rseq::StackCell* close(unsigned cpu);
  // Sequences that passed a gate of `cpu` before it was closed have committed when this returns, or
  // start again and find it closed.
  void fence(unsigned cpu) const;
  // This CPU's, closed and ours; null when it is closed already or there is none.
  rseq::StackCell* close_own();
  // The same for a push or pop of the locked form, which waits its turn.
  rseq::StackCell* lock_own();
  void open(rseq::StackCell& cell);
  void shut(rseq::StackCell& cell);

  static uint32_t depth_of(const rseq::StackCell& cell) {
    return static_cast<uint32_t>(cell.header) & rseq::kMaxDepth;
  }
  // The owner's store, atomic for the sake of counts(); relaxed, since that promises nothing.
  static void set_word(uint64_t& word, uint64_t value) {
    AtomicRef<uint64_t>(word).store(value, std::memory_order_relaxed);
  }

 private:
  bool try_close(rseq::StackCell& cell);
  unsigned own() const;
  static AtomicRef<uint64_t> gate_of(rseq::StackCell& cell);

  rseq::Cells cells_;
  uint32_t capacity_;
  PerCpuMode mode_;
  std::optional<PerCpuCells> memory_;
};

template <class Entry>
class PerCpuSequences;

// Entry: a pointer, or a number of 32 or 64 bits.
template <class Entry>
class PerCpuStack : public PerCpuStackBase {
 public:
  // Room for `capacity` entries, up to kMaxCapacity, on each CPU that is online. On others every
  // push and pop is refused. kNoResource when the host refuses.
  static Result<PerCpuStack> create(uint32_t capacity, const Topology& topology = Topology::host(),
                                    PerCpuMode mode = percpu_mode()) {
    auto stacks = create_together({&capacity, 1}, topology, mode);
    if (!stacks) return stacks.error();
    return std::move(stacks->front());
  }
  // The same several times in one memory, which the first owns: the others may not outlive it.
  static Result<std::vector<PerCpuStack>> create_together(
      std::span<const uint32_t> capacities, const Topology& topology = Topology::host(),
      PerCpuMode mode = percpu_mode()) {
    size_t bytes = 0;
    for (const uint32_t capacity : capacities) bytes += cell_bytes(capacity, sizeof(Entry));
    Result<PerCpuCells> memory = create_cells(bytes, topology);
    if (!memory) return memory.error();
    std::vector<PerCpuStack> stacks;
    rseq::Cells cells = memory->cells();
    for (const uint32_t capacity : capacities) {
      stacks.push_back(PerCpuStack(cells, capacity, mode, topology));
      cells.base += cell_bytes(capacity, sizeof(Entry));
    }
    stacks.front().keep(std::move(*memory));
    return stacks;
  }

  PerCpuStack(PerCpuStack&&) = default;

  // The newest entry of this CPU; false when it has none or its cell is closed.
  bool pop(Entry& out) {
    if (mode() != PerCpuMode::kRseq) [[unlikely]]
      return pop_otherwise(out);
    return rseq::stack_pop(cells(), out);
  }

  // False when this CPU's cell is full or closed.
  bool push(Entry entry) {
    if (mode() != PerCpuMode::kRseq) [[unlikely]]
      return push_otherwise(entry);
    return rseq::stack_push(cells(), entry);
  }

  // Pushes as many of `entries` as fit, from the last to the first, so that they are popped in
  // their order, and returns how many: 0 when the cell is closed already or there is none.
  uint32_t fill(std::span<const Entry> entries) {
    rseq::StackCell* closed = close_own();
    if (closed == nullptr) return 0;
    const uint32_t depth = depth_of(*closed);
    const auto count = static_cast<uint32_t>(std::min<size_t>(entries.size(), capacity() - depth));
    std::reverse_copy(entries.end() - count, entries.end(), slots(*closed) + depth);
    set_word(closed->header, closed->header + count);
    open(*closed);
    return count;
  }

  // Of every stack of `stacks`, which are kMaxTogether at most, calls consume(index,
  // std::span<Entry>) with what `cpu` holds, newest last, empties the cell and shuts it. Safe while
  // that CPU goes on: its pushes and pops are refused meanwhile. Waits for another drain.
  template <class Consume>
  static void drain(std::span<PerCpuStack> stacks, unsigned cpu, Consume consume) {
    CHECK_LE(stacks.size(), kMaxTogether);
    std::array<rseq::StackCell*, kMaxTogether> closed;
    bool any = false;
    for (size_t i = 0; i < stacks.size(); ++i) {
      closed[i] = stacks[i].close(cpu);
      any |= closed[i] != nullptr;
    }
    if (any) stacks.front().fence(cpu);
    for (size_t i = 0; i < stacks.size(); ++i) {
      if (closed[i] == nullptr) continue;
      remove_oldest(*closed[i], kMaxCapacity,
                    [&](std::span<Entry> entries) { consume(i, entries); });
      stacks[i].shut(*closed[i]);
    }
  }

  // The same of this stack alone: consume(std::span<Entry>).
  template <class Consume>
  void drain(unsigned cpu, Consume consume) {
    drain({this, 1}, cpu, [&](size_t, std::span<Entry> entries) { consume(entries); });
  }

  // Calls consume(std::span<Entry>) with the oldest `most` entries of this CPU, newest last, and
  // removes them, so that those that are warm in its cache stay. False, with nothing done, when the
  // cell is closed already or there is none.
  template <class Consume>
  bool evict(uint32_t most, Consume consume) {
    rseq::StackCell* closed = close_own();
    if (closed == nullptr) return false;
    remove_oldest(*closed, most, consume);
    open(*closed);
    return true;
  }

 private:
  friend class PerCpuSequences<Entry>;
  using PerCpuStackBase::PerCpuStackBase;

  static Entry* slots(rseq::StackCell& cell) { return reinterpret_cast<Entry*>(&cell + 1); }

  template <class Consume>
  static void remove_oldest(rseq::StackCell& closed, uint32_t most, Consume consume) {
    const uint32_t depth = depth_of(closed);
    const uint32_t count = std::min(most, depth);
    Entry* entries = slots(closed);
    consume(std::span<Entry>(entries, count));
    std::copy(entries + count, entries + depth, entries);
    set_word(closed.header, closed.header - count);
    set_word(closed.removed, closed.removed + count);
  }

  [[gnu::noinline, gnu::cold]] bool pop_otherwise(Entry& out) {
#if RING3_SIM
    if (mode() == PerCpuMode::kSimulated) return simulated_rseq::stack_pop(cells(), out);
#endif
    rseq::StackCell* cell = lock_own();
    if (cell == nullptr) return false;
    const uint32_t depth = depth_of(*cell);
    if (depth != 0) {
      out = slots(*cell)[depth - 1];
      set_word(cell->header, cell->header + (uint64_t{1} << rseq::kPopsShift) - 1);
    }
    open(*cell);
    return depth != 0;
  }

  [[gnu::noinline, gnu::cold]] bool push_otherwise(Entry entry) {
#if RING3_SIM
    if (mode() == PerCpuMode::kSimulated) return simulated_rseq::stack_push(cells(), entry);
#endif
    rseq::StackCell* cell = lock_own();
    if (cell == nullptr) return false;
    const uint32_t depth = depth_of(*cell);
    const bool fits = depth < capacity();
    if (fits) {
      slots(*cell)[depth] = entry;
      set_word(cell->header, cell->header + 1);
    }
    open(*cell);
    return fits;
  }
};

// The sequences of stacks that were made together, without the stacks: one is told by how far it
// lies from the first. For whoever knows that distance sooner than the stack. Where there are no
// sequences, every push and pop is refused, and the stack itself is to be asked.
template <class Entry>
class PerCpuSequences {
 public:
  // `first` of those made together, which outlives it.
  explicit PerCpuSequences(const PerCpuStack<Entry>& first) : cells_(first.cells()) {
    if (first.mode() != PerCpuMode::kRseq) cells_.cpus = 0;
  }

  // Bytes from the first stack to `stack`.
  uint32_t distance_to(const PerCpuStack<Entry>& stack) const {
    return static_cast<uint32_t>(stack.cells().base - cells_.base);
  }

  // As PerCpuStack's.
  [[gnu::always_inline]] bool pop(uint32_t distance, Entry& out) const {
    return RING3_HAVE_RSEQ != 0 && rseq::stack_pop(cells_, out, distance);
  }
  [[gnu::always_inline]] bool push(uint32_t distance, Entry entry) const {
    return RING3_HAVE_RSEQ != 0 && rseq::stack_push(cells_, entry, distance);
  }

 private:
  rseq::Cells cells_;
};

}  // namespace ring3
