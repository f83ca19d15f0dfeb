#pragma once

// Tells a heap's life as a textbook draws it: after each call what it did, step by step, the blocks
// as they lie, and the free list.

#include <string>

#include "harness/heap/heap_player.h"
#include "mm/mm.h"

namespace ring3::harness {

class StepTeller final : public mm::HeapListener {
 public:
  void on_search(size_t bytes, uint64_t visited, const mm::Block* found) override;
  void on_split(const mm::Block& block, const mm::Block& rest) override;
  void on_merge(const mm::Block& block) override;
  void on_sweep(uint64_t visited, uint64_t merges) override;
  void on_break(const std::byte* from, const std::byte* to) override;

  // What there is to tell of the call that was carried out last. `wrong` is what it did not get;
  // `reports`, what the heap said about it, in lines.
  std::string tell(const HeapCall& call, const HeapProgram& program, const std::string& wrong,
                   const std::string& reports, mm::Heap& heap, const mm::Break& heap_break,
                   const HeapPlayer& player);

 private:
  void add(std::string step);

  std::string steps_;  // since the last call
};

}  // namespace ring3::harness
