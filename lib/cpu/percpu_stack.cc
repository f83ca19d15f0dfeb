#include "lib/cpu/percpu_stack.h"

#include "lib/bits.h"
#include "lib/cpu/raw_spinlock.h"

namespace ring3 {

using rseq::StackCell;

namespace {

// Gates that let nothing pass into an empty cell, nor out of it.
constexpr uint64_t kNeverOpened = 0;  // what it is at first
constexpr uint64_t kShut = 1;         // a drain has emptied it

}  // namespace

size_t PerCpuStackBase::cell_bytes(uint32_t capacity, size_t entry_bytes) {
  CHECK_LE(capacity, kMaxCapacity);
  return align_up(sizeof(StackCell) + capacity * entry_bytes, kCacheLineBytes);
}

Result<PerCpuCells> PerCpuStackBase::create_cells(size_t bytes, const Topology& topology) {
  return PerCpuCells::create(bytes, topology.cpu_ids());
}

PerCpuStackBase::PerCpuStackBase(const rseq::Cells& cells, uint32_t capacity, PerCpuMode mode,
                                 const Topology& topology)
    : cells_(cells), capacity_(capacity), mode_(mode) {
  for (unsigned cpu = 0; cpu < cpus(); ++cpu) {
    if (topology.is_online(cpu)) open(cell(cpu));
  }
}

AtomicRef<uint64_t> PerCpuStackBase::gate_of(StackCell& cell) {
  return AtomicRef<uint64_t>(cell.gate);
}

// Acquire pairs with open(): we see what the last owner did. It is also a full barrier on x86-64,
// so that a sequence that starts after the fence in close() sees the closed gate.
bool PerCpuStackBase::try_close(StackCell& cell) {
  uint64_t expected = rseq::open_gate(capacity_);
  return gate_of(cell).compare_exchange_strong(
      expected, rseq::kClosedGate, std::memory_order_acquire, std::memory_order_relaxed);
}

StackCell* PerCpuStackBase::close(unsigned cpu) {
  CHECK_LT(cpu, cpus());
  StackCell& closed = cell(cpu);
  for (Backoff backoff; !try_close(closed);) {
    const uint64_t gate = gate_of(closed).load(std::memory_order_relaxed);
    if (gate == kNeverOpened || gate == kShut) return nullptr;
    if (gate == rseq::kClosedGate) backoff.pause(&closed.gate);
  }
  return &closed;
}

void PerCpuStackBase::fence([[maybe_unused]] unsigned cpu) const {
  if (mode_ == PerCpuMode::kRseq) os::rseq_fence(cpu);
#if RING3_SIM
  if (mode_ == PerCpuMode::kSimulated) schedule::scheduler->fence(cpu);
#endif
}

StackCell* PerCpuStackBase::close_own() {
#if RING3_SIM
  if (mode_ == PerCpuMode::kSimulated) {
    return simulated_rseq::stack_close_own(cells(), rseq::open_gate(capacity_));
  }
#endif
  if (mode_ == PerCpuMode::kRseq) {
    return rseq::stack_close_own(cells(), rseq::open_gate(capacity_));
  }
  StackCell& closed = cell(own());
  return try_close(closed) ? &closed : nullptr;
}

// The lock makes any cell safe, so a number beyond the last one shares one.
unsigned PerCpuStackBase::own() const { return Task::current().cpu() % cpus(); }

StackCell* PerCpuStackBase::lock_own() { return close(own()); }

// Release: who finds the gate open finds what we did. On x86-64 a sequence's plain load acquires.
void PerCpuStackBase::open(StackCell& cell) {
  gate_of(cell).store(rseq::open_gate(capacity_), std::memory_order_release);
}

void PerCpuStackBase::shut(StackCell& cell) {
  gate_of(cell).store(kShut, std::memory_order_release);
}

bool PerCpuStackBase::is_shut() const {
  return gate_of(cell(own())).load(std::memory_order_relaxed) == kShut;
}

// Should this thread have moved since it asked, it opens another CPU's cell, which is as good.
void PerCpuStackBase::wake() {
  uint64_t expected = kShut;
  gate_of(cell(own()))
      .compare_exchange_strong(expected, rseq::open_gate(capacity_), std::memory_order_acq_rel,
                               std::memory_order_relaxed);
}

void PerCpuStackBase::bring_up(unsigned cpu) {
  CHECK_LT(cpu, cpus());
  uint64_t never = kNeverOpened;
  gate_of(cell(cpu)).compare_exchange_strong(never, rseq::open_gate(capacity_),
                                             std::memory_order_release, std::memory_order_relaxed);
}

StackCounts PerCpuStackBase::counts(unsigned cpu) const {
  CHECK_LT(cpu, cpus());
  const auto read = [](uint64_t& word) {
    return AtomicRef<uint64_t>(word).load(std::memory_order_relaxed);
  };
  const uint64_t header = read(cell(cpu).header);
  return {.pops = header >> rseq::kPopsShift,
          .depth = header & rseq::kMaxDepth,
          .removed = read(cell(cpu).removed)};
}

StackCounts PerCpuStackBase::counts() const {
  StackCounts total;
  for (unsigned cpu = 0; cpu < cpus(); ++cpu) total += counts(cpu);
  return total;
}

}  // namespace ring3
