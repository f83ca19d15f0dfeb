#include "lib/cpu/percpu.h"

#include <algorithm>
#include <bit>

#include "lib/cpu/schedule.h"
#include "lib/os.h"

namespace ring3 {

PerCpuMode percpu_mode() {
  if (schedule::simulated()) return PerCpuMode::kSimulated;
  static const PerCpuMode mode =
      rseq::registered() && os::rseq_fence_supported() ? PerCpuMode::kRseq : PerCpuMode::kLocked;
  return mode;
}

Result<PerCpuCells> PerCpuCells::create(size_t bytes, unsigned cpus, unsigned more) {
  const size_t rounded = std::bit_ceil(std::max(bytes, kCacheLineBytes));
  Result<os::Reservation> memory = os::reserve(rounded * (size_t{cpus} + more), kCacheLineBytes);
  if (!memory) return memory.error();
  return PerCpuCells(std::move(*memory), static_cast<uint32_t>(std::countr_zero(rounded)), cpus);
}

}  // namespace ring3
