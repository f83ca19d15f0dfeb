#pragma once

// What the kernel prints when a request is refused: where memory is, and how much of it is kept
// back from whom (Linux 6.12, mm/show_mem.c). Pure.

#include <span>
#include <string>

#include "mm/pages/zone_facts.h"

namespace ring3::mm {

// From "Mem-Info:" on: sums, then of each populated zone its free memory, marks and reserves, and
// its free blocks of each order, with the letters of the types that have some: U for Unmovable, M,
// E for Reclaimable, H for HighAtomic. Memory in KiB; what ring3 does not have is 0. `cpu`: whose
// lists are local.
std::string mem_info_text(std::span<const ZoneFacts> zones, unsigned cpu);

}  // namespace ring3::mm
