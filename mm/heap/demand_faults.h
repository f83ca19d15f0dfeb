#pragma once

// Page faults for real: a program that reads and writes below the break of a window, without
// asking, gets its pages from the signal that the host raises; above the break it gets the fault
// that it is, said in the kernel's words.

#include "mm/heap/window_break.h"

namespace ring3::mm {

// While it lives, a SIGSEGV at an address of `heap`'s window is a page fault of it. Several may
// live at once, up to kMost of a process; the faults of a window come from its owner. A fault that
// is nobody's, or above the break, goes to the handler before, or ends the process.
class DemandFaults {
 public:
  static constexpr int kMost = 64;
  // `heap` outlives it.
  explicit DemandFaults(WindowBreak& heap);
  ~DemandFaults();
  DemandFaults(const DemandFaults&) = delete;
  DemandFaults& operator=(const DemandFaults&) = delete;

 private:
  WindowBreak& heap_;
};

}  // namespace ring3::mm
