#pragma once

// Carries out the calls of a program on a heap, as the process that makes them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/heap/heap_program.h"
#include "mm/mm.h"

namespace ring3::harness {

// What a call got that it did not want, in words; empty when it got what it wanted.
struct HeapOutcome {
  std::string text;
  bool is_fault = false;  // a segmentation fault; else there was no memory
};

class HeapPlayer {
 public:
  // All outlive it. `heap` is over `heap_break`.
  HeapPlayer(mm::Heap& heap, mm::Break& heap_break, const HeapProgram& program)
      : heap_(heap), break_(heap_break), program_(program), variables_(program.variables.size()) {}

  HeapOutcome carry_out(const HeapCall& call);

  // What a variable points to; null before it is set.
  const std::byte* pointer(uint32_t variable) const { return variables_[variable].data; }
  // The variable whose block begins at `data`, or null: the one that was set last.
  const std::string* name_at(const void* data) const;
  // Blocks of a program that uses its blocks whose bytes were not what it had written.
  uint64_t corrupt_blocks() const { return corrupt_blocks_; }
  // The highest that the break was after a call, in bytes above its start.
  size_t peak_break_bytes() const { return break_.peak_bytes(); }

 private:
  struct Variable {
    std::byte* data = nullptr;
    size_t bytes = 0;    // that were asked for
    std::byte value{0};  // of all of them, in a program that uses its blocks
  };

  void* allocate(const HeapCall& call);
  HeapOutcome use(Variable& variable);
  void verify(const Variable& variable, size_t bytes);
  std::byte* address_of(const HeapCall& call) const;
  HeapOutcome access(const HeapCall& call);

  mm::Heap& heap_;
  mm::Break& break_;
  const HeapProgram& program_;
  std::vector<Variable> variables_;
  uint64_t blocks_made_ = 0;
  uint64_t corrupt_blocks_ = 0;
};

}  // namespace ring3::harness
