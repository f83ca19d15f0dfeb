#pragma once

// The sequences of lib/cpu/rseq.h, instruction by instruction, for simulated CPUs (MODE=sim): the
// simulation may preempt, move or fence the task before each of them, and then the sequence starts
// again from the top, as the kernel would have it.

#include "lib/cpu/rseq.h"
#include "lib/cpu/schedule.h"
#include "lib/cpu/task.h"

#if RING3_SIM

namespace ring3::simulated_rseq {

// One attempt. Each step is a schedule point; false: the attempt is over.
class Attempt {
 public:
  Attempt() { schedule::scheduler->begin_sequence(); }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Plain loads and stores, which on x86-64 acquire and release.
  template <class Word>
  bool load(const Word& word, Word& out) {
    if (!step(schedule::Access::kLoad, &word)) return false;
    out = word;
    schedule::performed(schedule::Access::kLoad, &word, std::memory_order_acquire);
    return true;
  }
  template <class Word>
  bool store(Word& word, Word value) {
    if (!step(schedule::Access::kStore, &word)) return false;
    word = value;
    schedule::performed(schedule::Access::kStore, &word, std::memory_order_release);
    return true;
  }
  bool compare_exchange(uint64_t& word, uint64_t expected, uint64_t desired, bool& exchanged) {
    if (!step(schedule::Access::kUpdate, &word)) return false;
    exchanged = word == expected;
    if (exchanged) word = desired;
    schedule::performed(schedule::Access::kUpdate, &word, std::memory_order_seq_cst);
    return true;
  }

 private:
  static bool step(schedule::Access access, const void* word) {
    schedule::point(access, word);
    return schedule::scheduler->sequence_intact();
  }
};

inline rseq::StackCell* cell_here(const rseq::Cells& cells) {
  const unsigned cpu = Task::current().cpu();
  if (cpu >= cells.cpus) return nullptr;
  return reinterpret_cast<rseq::StackCell*>(cells.base + (size_t{cpu} << cells.shift));
}

template <class Entry>
Entry& slot_of(rseq::StackCell& cell, uint64_t index) {
  return reinterpret_cast<Entry*>(&cell + 1)[index];
}

template <class Entry>
bool stack_pop(const rseq::Cells& cells, Entry& out) {
  for (;;) {
    Attempt attempt;
    rseq::StackCell* cell = cell_here(cells);
    if (cell == nullptr) return false;
    uint64_t gate;
    uint64_t header;
    Entry entry;
    if (!attempt.load(cell->gate, gate) || !attempt.load(cell->header, header)) continue;
    const uint64_t depth = header & rseq::kMaxDepth;
    if (depth <= static_cast<uint32_t>(gate)) return false;
    if (!attempt.load(slot_of<Entry>(*cell, depth - 1), entry)) continue;
    if (!attempt.store(cell->header, header + (uint64_t{1} << rseq::kPopsShift) - 1)) continue;
    out = entry;
    return true;
  }
}

template <class Entry>
bool stack_push(const rseq::Cells& cells, Entry entry) {
  for (;;) {
    Attempt attempt;
    rseq::StackCell* cell = cell_here(cells);
    if (cell == nullptr) return false;
    uint64_t gate;
    uint64_t header;
    if (!attempt.load(cell->gate, gate) || !attempt.load(cell->header, header)) continue;
    const uint64_t depth = header & rseq::kMaxDepth;
    if (depth >= gate >> 32) return false;
    if (!attempt.store(slot_of<Entry>(*cell, depth), entry)) continue;
    if (attempt.store(cell->header, header + 1)) return true;
  }
}

inline rseq::StackCell* stack_close_own(const rseq::Cells& cells, uint64_t open) {
  for (;;) {
    Attempt attempt;
    rseq::StackCell* cell = cell_here(cells);
    if (cell == nullptr) return nullptr;
    bool closed;
    if (!attempt.compare_exchange(cell->gate, open, rseq::kClosedGate, closed)) continue;
    return closed ? cell : nullptr;
  }
}

}  // namespace ring3::simulated_rseq

#endif
