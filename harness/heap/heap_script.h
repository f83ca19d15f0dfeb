#pragma once

// The language of `ring3 heap --script`, a call a line:
//
//   p = malloc 100            p = calloc 10 8          p = aligned_alloc 64 100
//   q = realloc p 300         free p                   trim            trim 4K
//   sbrk 4096                 sbrk -4096
//   touch p+8000              touch break+100          fill p 200
//
// Brackets, commas and semicolons may be there as in C, and count as blanks. What follows a # is
// not read. `null` is the null pointer, `break` where the break is; sizes may have a unit, as 4K.

#include <string_view>

#include "harness/heap/heap_program.h"

namespace ring3::harness {

// Lines that are broken are named in the program, which is of the rest.
HeapProgram parse_heap_script(std::string_view text);

// The call as a script has it, for people.
std::string to_string(const HeapCall& call, const HeapProgram& program);

}  // namespace ring3::harness
