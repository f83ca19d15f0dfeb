#pragma once

// Carries out the steps of a plan on a Memory: pages through alloc_pages, objects through a cache
// for each cache of the trace and kmalloc. One thread.

#include <span>
#include <string>
#include <vector>

#include "harness/replay/page_map.h"
#include "harness/replay/replay_plan.h"
#include "mm/mm.h"

namespace ring3::harness {

class ReplayRun {
 public:
  // Makes the caches. kInvalidArgument when a cache of the trace is impossible here. `memory` and
  // `types`, which learns of every block of pages, outlive the run, which must have freed all
  // before it goes. Pages are not zeroed, whatever the trace says: it is where they lie that
  // counts.
  static Result<ReplayRun> create(mm::Memory& memory, const Trace& trace, const ReplayPlan& plan,
                                  PageTypes& types);

  void carry_out(std::span<const ReplayStep> steps);

  // Frees what the trace left alive.
  void free_all();

  uint64_t failed_allocs() const { return failed_allocs_; }

 private:
  ReplayRun(mm::Memory& memory, const ReplayPlan& plan, PageTypes& types)
      : memory_(memory), types_(types), objects_(plan.slots), allocations_(plan.slots) {}

  void* allocate(const ReplayStep& step);
  mm::Page* allocate_pages(const ReplayStep& step);
  void split(const ReplayStep& step);
  void free(const ReplayStep& allocation, void* object);

  mm::Memory& memory_;
  PageTypes& types_;
  std::vector<mm::KmemCache*> caches_;
  std::vector<void*> objects_;                  // by slot; null: none
  std::vector<const ReplayStep*> allocations_;  // by slot: what it is now
  uint64_t failed_allocs_ = 0;
};

}  // namespace ring3::harness
