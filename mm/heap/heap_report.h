#pragma once

// Every text that a heap writes about its callers' mistakes.

#include <cstddef>
#include <cstdint>
#include <string>

#include "mm/heap/block.h"

namespace ring3::mm {

// `call` ("free", "realloc") of a block that is free already.
std::string double_free_report(const char* call, const Block& block, uintptr_t caller);
// `call` of what malloc did not return: `around` is the block that `data` lies in, or null.
std::string foreign_pointer_report(const char* call, const void* data, const Block* around,
                                   uintptr_t caller);
// Somebody wrote over the header of `block`, which has `size` bytes and comes after `below`, null
// for the first: it was set right from the map.
std::string overwritten_report(const Block& block, bool is_free, size_t size, const Block* below);
// The program moved the break to `lowest`, below the blocks' end.
std::string lowered_break_report(const void* lowest, const void* end);

}  // namespace ring3::mm
