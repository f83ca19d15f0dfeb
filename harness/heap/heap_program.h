#pragma once

// A program that uses a heap: what a script says, what mtrace recorded, or what a seed gives.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ring3::harness {

enum class HeapCallKind : uint8_t {
  kMalloc,
  kCalloc,
  kAlignedAlloc,
  kRealloc,
  kFree,
  kTrim,
  kSbrk,
  kTouch,
  kFill,
};

struct HeapCall {
  static constexpr uint32_t kNull = UINT32_MAX;       // a null pointer
  static constexpr uint32_t kBreak = UINT32_MAX - 1;  // where the break is

  HeapCallKind kind;
  uint32_t to = kNull;    // the variable that the pointer goes to; of those that return one
  uint32_t from = kNull;  // the variable that the pointer comes from; of the others, and realloc
  int64_t offset = 0;     // added to that; the increment of sbrk
  size_t bytes = 0;       // of a block; what trim keeps, touch and fill reach
  size_t extra = 0;       // the count of calloc, the alignment of aligned_alloc
  uint64_t line = 0;      // in the text that it comes from, or its number

  bool returns_block() const { return kind <= HeapCallKind::kRealloc; }
};

struct HeapProgram {
  std::vector<HeapCall> calls;
  std::vector<std::string> variables;
  // Its blocks are written as soon as they are there, and looked at before they go.
  bool uses_blocks = false;
  uint64_t unknown_frees = 0;  // of a trace: of blocks from before it
  uint64_t broken_lines = 0;
  std::vector<std::string> broken;  // the first few, with number, reason and text

  static constexpr size_t kMostBrokenShown = 10;
  void add_broken(uint64_t line, std::string reason);
};

// Variables of a program that is made call by call: one whose block is gone is used again.
class VariablePool {
 public:
  // New ones are added to `variables`, which outlives it: `prefix` and a number.
  VariablePool(std::vector<std::string>& variables, char prefix)
      : variables_(variables), prefix_(prefix) {}

  uint32_t take() {
    if (unused_.empty()) {
      variables_.push_back(prefix_ + std::to_string(variables_.size() + 1));
      return static_cast<uint32_t>(variables_.size() - 1);
    }
    const uint32_t variable = unused_.back();
    unused_.pop_back();
    return variable;
  }
  void give_back(uint32_t variable) { unused_.push_back(variable); }

 private:
  std::vector<std::string>& variables_;
  const char prefix_;
  std::vector<uint32_t> unused_;
};

}  // namespace ring3::harness
