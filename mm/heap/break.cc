#include "mm/heap/break.h"

#include <algorithm>

namespace ring3::mm {

// In numbers: an address that nothing has is no pointer to compute with.
bool Break::move_to(uintptr_t end) {
  const auto start = reinterpret_cast<uintptr_t>(start_);
  if (end < start || end - start > limit_bytes_) return false;
  std::byte* to = start_ + (end - start);
  if (to != end_ && !move(to)) return false;
  end_ = to;
  peak_bytes_ = std::max(peak_bytes_, size_bytes());
  lowest_end_ = std::min(lowest_end_, end_);
  return true;
}

int Break::brk(const void* end) { return move_to(reinterpret_cast<uintptr_t>(end)) ? 0 : -1; }

void* Break::sbrk(intptr_t increment) {
  std::byte* before = end_;
  uintptr_t end = 0;
  if (__builtin_add_overflow(reinterpret_cast<uintptr_t>(before), increment, &end) ||
      !move_to(end)) {
    return kSbrkFailed;
  }
  return before;
}

}  // namespace ring3::mm
