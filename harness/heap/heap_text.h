#pragma once

// What a heap's run comes to, for people.

#include <string>

#include "harness/heap/heap_run.h"

namespace ring3::harness {

// The table, a row a policy, with what went wrong above it.
std::string heap_text(const HeapOptions& options, const HeapReport& report,
                      const HeapProgram& program);

// Where the parts of three processes lie, side by side: of one with 32 bits, one with 64, and this.
// `layouts` are drawn from high addresses to low ones.
std::string layout_text(const std::vector<mm::ProcessLayout>& layouts);

}  // namespace ring3::harness
