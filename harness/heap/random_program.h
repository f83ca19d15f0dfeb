#pragma once

#include <cstdint>

#include "harness/heap/heap_program.h"

namespace ring3::harness {

// A program of about 20,000 calls whose sizes, lifetimes and phases come from `seed`: mostly small
// blocks, a few large ones, growing for a while and shrinking for a while.
HeapProgram random_heap_program(uint64_t seed);

}  // namespace ring3::harness
