#include "harness/heap/heap_player.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace ring3::harness {

HeapOutcome HeapPlayer::carry_out(const HeapCall& call) {
  switch (call.kind) {
    case HeapCallKind::kMalloc:
    case HeapCallKind::kCalloc:
    case HeapCallKind::kAlignedAlloc: {
      Variable& to = variables_[call.to];
      to = {.data = static_cast<std::byte*>(allocate(call))};
      if (to.data == nullptr) return {"no memory"};
      to.bytes = call.kind == HeapCallKind::kCalloc ? call.extra * call.bytes : call.bytes;
      return use(to);
    }
    case HeapCallKind::kRealloc: {
      std::byte* from = address_of(call);
      const Variable old = call.from < variables_.size() ? variables_[call.from] : Variable{};
      auto* data = static_cast<std::byte*>(heap_.realloc(from, call.bytes));
      if (data == nullptr) return {call.bytes == 0 ? "" : "no memory"};
      Variable& to = variables_[call.to];
      to = {data, call.bytes, old.value};
      if (program_.uses_blocks) verify(to, std::min(old.bytes, to.bytes));
      return use(to);
    }
    case HeapCallKind::kFree:
      if (program_.uses_blocks && call.from < variables_.size()) {
        verify(variables_[call.from], variables_[call.from].bytes);
      }
      heap_.free(address_of(call));
      return {};
    case HeapCallKind::kTrim:
      heap_.trim(call.bytes);
      return {};
    case HeapCallKind::kSbrk:
      return {break_.sbrk(call.offset) == mm::Break::kSbrkFailed ? "-1 (ENOMEM)" : ""};
    case HeapCallKind::kTouch:
    case HeapCallKind::kFill:
      return access(call);
  }
  return {};
}

const std::string* HeapPlayer::name_at(const void* data) const {
  for (size_t i = variables_.size(); i > 0; --i) {
    if (variables_[i - 1].data == data) return &program_.variables[i - 1];
  }
  return nullptr;
}

void* HeapPlayer::allocate(const HeapCall& call) {
  if (call.kind == HeapCallKind::kCalloc) return heap_.calloc(call.extra, call.bytes);
  if (call.kind == HeapCallKind::kAlignedAlloc) return heap_.aligned_alloc(call.extra, call.bytes);
  return heap_.malloc(call.bytes);
}

// Writes all of a block, whose pages come as they are touched.
HeapOutcome HeapPlayer::use(Variable& variable) {
  if (!program_.uses_blocks || variable.bytes == 0) return {};
  if (break_.touch(variable.data, variable.bytes) > mm::Touch::kMinorFault) {
    variable.bytes = 0;
    return {"no page to be had for the block"};
  }
  variable.value = static_cast<std::byte>(++blocks_made_);
  std::memset(variable.data, static_cast<int>(variable.value), variable.bytes);
  return {};
}

void HeapPlayer::verify(const Variable& variable, size_t bytes) {
  if (bytes == 0 || variable.data == nullptr) return;
  const bool all = *variable.data == variable.value &&
                   std::memcmp(variable.data, variable.data + 1, bytes - 1) == 0;
  corrupt_blocks_ += !all;
}

// In numbers: a script may point anywhere.
std::byte* HeapPlayer::address_of(const HeapCall& call) const {
  const std::byte* base = call.from == HeapCall::kNull    ? nullptr
                          : call.from == HeapCall::kBreak ? break_.end()
                                                          : variables_[call.from].data;
  return reinterpret_cast<std::byte*>(reinterpret_cast<uintptr_t>(base) +
                                      static_cast<uintptr_t>(call.offset));
}

HeapOutcome HeapPlayer::access(const HeapCall& call) {
  std::byte* address = address_of(call);
  if (call.bytes == 0) return {};
  switch (break_.touch(address, call.bytes)) {
    case mm::Touch::kSegv: {
      const auto last = reinterpret_cast<uintptr_t>(address) + (call.bytes - 1);
      const auto end = reinterpret_cast<uintptr_t>(break_.end());
      const auto start = reinterpret_cast<uintptr_t>(break_.start());
      if (reinterpret_cast<uintptr_t>(address) >= start && last >= end) {
        return {fmt::format("segmentation fault, {} bytes above the break", last - end), true};
      }
      return {"segmentation fault, not in the heap", true};
    }
    case mm::Touch::kNoMemory:
      return {"no page to be had"};
    case mm::Touch::kResident:
    case mm::Touch::kMinorFault:
      break;
  }
  if (call.kind == HeapCallKind::kFill) std::memset(address, 0xff, call.bytes);
  return {};
}

}  // namespace ring3::harness
