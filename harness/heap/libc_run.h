#pragma once

// The C library's malloc under the same program, for the table's last row.

#include <optional>

#include "harness/heap/heap_program.h"
#include "mm/mm.h"

namespace ring3::harness {

// What the heap of the C library grew by: of the process as it was before the program.
struct LibcRun {
  size_t peak_break_bytes;
  size_t free_bytes;   // at the peak
  size_t asked_bytes;  // at the peak
  uint64_t faults;
};

// Carries out the sane calls of `program`, for at most `most_bytes` each, in a child process, in
// which malloc takes everything from the break as ours does. Nothing when malloc is not glibc's
// here, as under a sanitizer, or the child could not be made or did not end as it should.
std::optional<LibcRun> run_on_libc(const HeapProgram& program, size_t most_bytes);

}  // namespace ring3::harness
