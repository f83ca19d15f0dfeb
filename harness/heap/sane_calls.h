#pragma once

// A program's calls as any malloc can be given them, for those that must not be given a mistake.

#include <cstddef>
#include <vector>

#include "harness/heap/heap_program.h"

namespace ring3::harness {

// The calls of blocks that are there, and as they were given, or for new ones of at most
// `most_bytes`: what any malloc survives. No touches, and nothing that moves the break.
std::vector<HeapCall> sane_calls(const HeapProgram& program, size_t most_bytes);
// How many of them make a block.
uint64_t blocks_made(const std::vector<HeapCall>& calls);

// Gives a sane call to `malloc`, which has the C library's functions as members. `variables` has
// the pointers so far.
template <class Malloc>
void carry_out_sane(const HeapCall& call, std::vector<void*>& variables, Malloc& malloc) {
  void* old = call.from == HeapCall::kNull ? nullptr : variables[call.from];
  switch (call.kind) {
    case HeapCallKind::kMalloc:
      variables[call.to] = malloc.malloc(call.bytes);
      break;
    case HeapCallKind::kCalloc:
      variables[call.to] = malloc.calloc(call.extra, call.bytes);
      break;
    case HeapCallKind::kAlignedAlloc:
      variables[call.to] = malloc.aligned_alloc(call.extra, call.bytes);
      break;
    case HeapCallKind::kRealloc: {
      void* moved = malloc.realloc(old, call.bytes);
      if (moved == nullptr && call.bytes != 0) break;
      if (call.from != HeapCall::kNull) variables[call.from] = nullptr;
      variables[call.to] = moved;
      break;
    }
    case HeapCallKind::kFree:
      malloc.free(old);
      variables[call.from] = nullptr;
      break;
    case HeapCallKind::kTrim:
    case HeapCallKind::kSbrk:
    case HeapCallKind::kTouch:
    case HeapCallKind::kFill:
      break;  // none is sane
  }
}

}  // namespace ring3::harness
