#pragma once

// What a program's calls cost, without what is done between them.

#include <vector>

#include "harness/heap/heap_program.h"
#include "lib/units.h"
#include "mm/mm.h"

namespace ring3::harness {

// The time of `calls`, which are sane, after which all that is left is freed: of a heap; of the C
// library, which gives back first what an earlier run left in its lists.
Nanos time_calls(const std::vector<HeapCall>& calls, size_t variables, mm::Heap& heap);
Nanos time_calls_of_libc(const std::vector<HeapCall>& calls, size_t variables);

}  // namespace ring3::harness
