#pragma once

// What is kept for each CPU: cells, and the ways in which a CPU changes its own.
//
// By restartable sequences (lib/cpu/rseq.h) or, where those are missing (Valgrind, TSan, other
// kernels and machines), under a lock in the cell. Which of the two is decided once, when the first
// per-CPU object is made, and is the same for all of them. Simulated CPUs (MODE=sim) have simulated
// sequences (lib/cpu/simulated_rseq.h).
//
// A cell belongs to a CPU number, of which there may be more than CPUs: Topology::cpu_ids(). A
// thread without a number (no rseq area) has no cell: the sequences refuse it, and it takes the
// path behind them, which all threads share.

#include <cstddef>
#include <cstdint>

#include "lib/cpu/rseq.h"
#include "lib/cpu/topology.h"
#include "lib/reservation.h"
#include "lib/result.h"

namespace ring3 {

enum class PerCpuMode {
  kLocked,     // a lock a cell
  kRseq,       // restartable sequences; not 0, which takes an instruction more to tell
  kSimulated,  // the sequences of simulated CPUs
};
// What this process uses, or in a simulation what that does. kRseq needs a registered rseq area and
// membarrier's rseq fence.
PerCpuMode percpu_mode();

inline constexpr size_t kCacheLineBytes = 64;  // what two CPUs should not both write to

// The memory of the cells, all zeros at first and touched lazily; each has a power of two of bytes,
// a cache line at least.
class PerCpuCells {
 public:
  // A cell of `bytes` for each number below `cpus`, and `more` cells behind them. kNoResource when
  // the host refuses.
  static Result<PerCpuCells> create(size_t bytes, unsigned cpus, unsigned more = 0);

  const rseq::Cells& cells() const { return cells_; }
  unsigned cpus() const { return cells_.cpus; }
  std::byte* cell(unsigned number) const { return cells_.base + (size_t{number} << cells_.shift); }

 private:
  PerCpuCells(os::Reservation memory, uint32_t shift, unsigned cpus)
      : memory_(std::move(memory)), cells_{memory_.base(), shift, cpus} {}

  os::Reservation memory_;
  rseq::Cells cells_;
};

}  // namespace ring3
