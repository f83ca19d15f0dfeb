#pragma once

// The texts that the kernel has of its memory under /proc and in debugfs, of a Memory, as files.

#include <string>
#include <vector>

#include "lib/result.h"
#include "mm/mm.h"

namespace ring3::harness {

struct ProcFile {
  std::string path;  // as below /proc or /sys/kernel/debug, "extfrag/unusable_index"
  std::string text;
};

// buddyinfo, pagetypeinfo, zoneinfo, vmstat, slabinfo and the two of extfrag; where page owners are
// recorded, page_owner, page_owner_stacks/show_stacks and allocinfo. Of threads that run
// meanwhile they may miss something, and one may tell of another moment than the next.
std::vector<ProcFile> proc_snapshot(mm::Memory& memory);

}  // namespace ring3::harness
