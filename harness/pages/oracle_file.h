#pragma once

// A recorded run of a kernel's page allocator: the zone's state at the start, the requests and
// frees, each with the frame that the kernel gave, and the state again, in parts on the way and
// whole at the end. A line a fact:
//
//   case NAME seed HEX ops N ... pcp 0|1 boost_factor F lru 0|1 ...
//   zone NAME ... start PFN end PFN ... managed N
//   wmark min N low N high N ... pageblock_order N ...
//   gfp U HEX M HEX R HEX hi HEX target PAGES
//   state initial, state final ... end: lines of the state, as zone_state_lines() writes them
//   aTYPEORDER PFN|-   hTYPEORDER PFN|-   f PFN   and lines of the state between them

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"
#include "mm/mm.h"

namespace ring3::harness {

struct OracleStep {
  enum class Kind : uint8_t {
    kAlloc,  // with `gfp` and `order`: the kernel gave `pfn`, or mm::kNoPfn
    kFree,   // of `pfn`
    kState,  // `text` is a line of the zone's state here
  };
  Kind kind;
  size_t line;  // in the file, from 1
  mm::Pfn pfn = mm::kNoPfn;
  mm::Gfp gfp{};
  mm::Order order{0};
  std::string_view text{};
};

struct OracleCase {
  std::string_view name;
  bool lru = false;  // pages of movable blocks count as movable while they are in use
  mm::KernelZone::Config zone{};
  std::vector<OracleStep> initial;  // lines of the state
  std::vector<OracleStep> steps;
  std::vector<OracleStep> final;
  uint64_t operations = 0;  // of the steps, allocations and frees
};

// What `text`, which must outlive it, holds. kBadFormat names the line and what is wrong with it.
Result<OracleCase> parse_oracle(std::string_view text);

// Puts a zone without free blocks into the state that the lines say. kBadFormat for a line that
// cannot be so.
Status load_zone_state(const std::vector<OracleStep>& lines, const mm::KernelZone::Config& config,
                       mm::KernelZone& zone);

// The zone's state, a line each: `b` free blocks by order, `t` the types of pageblocks, `l` the
// free lists from head to tail, `pcp` and `p` the CPU's lists, `lru` the pages in use that count as
// movable.
std::vector<std::string> zone_state_lines(const mm::Memmap& memmap, const mm::KernelZone& zone,
                                          mm::Pfn start, mm::Pfn end);
// The first two kinds alone, as they are written on the way.
std::string blocks_line(const mm::KernelZone& zone);
std::string types_line(const mm::KernelZone& zone);

}  // namespace ring3::harness
