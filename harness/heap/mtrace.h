#pragma once

// What glibc's mtrace(3) wrote of a real program (MALLOC_TRACE, libc_malloc_debug.so): a line a
// call, with the caller in front, whose path may hold anything, so that it is read from the right.
//
//   = Start
//   @ ./prog:(main+0x1a)[0x40114a] + 0x1c8d6b0 0x64      malloc, calloc, memalign
//   @ ./prog:(main+0x2b)[0x40115b] - 0x1c8d6b0           free
//   @ ./prog:[0x401171] < 0x1c8d6b0                      realloc: the old block
//   @ ./prog:[0x401171] > 0x1c8d720 0xc8                 and the new one
//   @ ./prog:[0x401171] ! 0x1c8d720 0xffffffffffffff     realloc that failed

#include <string_view>

#include "harness/heap/heap_program.h"
#include "lib/result.h"

namespace ring3::harness {

// Broken lines are named in the program, which is of the rest. kBadFormat when none is one of
// mtrace.
Result<HeapProgram> parse_mtrace(std::string_view text);

}  // namespace ring3::harness
