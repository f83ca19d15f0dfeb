#include "harness/heap/sane_calls.h"

#include <algorithm>

#include "lib/bits.h"

namespace ring3::harness {
namespace {

bool is_possible(const HeapCall& call, size_t most_bytes) {
  if (call.bytes > most_bytes) return false;
  if (call.kind == HeapCallKind::kCalloc) {
    return call.bytes == 0 || call.extra <= most_bytes / call.bytes;
  }
  return call.kind != HeapCallKind::kAlignedAlloc ||
         (is_power_of_two(call.extra) && call.extra <= most_bytes);
}

}  // namespace

std::vector<HeapCall> sane_calls(const HeapProgram& program, size_t most_bytes) {
  std::vector<HeapCall> calls;
  std::vector<bool> is_live(program.variables.size());
  for (const HeapCall& call : program.calls) {
    const bool takes = call.kind == HeapCallKind::kRealloc || call.kind == HeapCallKind::kFree;
    if (!call.returns_block() && !takes) continue;
    if (call.returns_block() && !is_possible(call, most_bytes)) continue;
    if (takes) {
      const bool is_block = call.from != HeapCall::kBreak && call.from != HeapCall::kNull &&
                            is_live[call.from] && call.offset == 0;
      const bool is_null = call.from == HeapCall::kNull && call.offset == 0 && call.returns_block();
      if (!is_block && !is_null) continue;
    }
    // A variable that is set anew would lose its block.
    if (call.returns_block() && is_live[call.to] && call.from != call.to) {
      calls.push_back({.kind = HeapCallKind::kFree, .from = call.to});
    }
    calls.push_back(call);
    if (takes && call.from != HeapCall::kNull) is_live[call.from] = false;
    if (call.returns_block()) is_live[call.to] = true;
  }
  return calls;
}

uint64_t blocks_made(const std::vector<HeapCall>& calls) {
  return static_cast<uint64_t>(std::ranges::count_if(calls, &HeapCall::returns_block));
}

}  // namespace ring3::harness
