#pragma once

// The texts that the kernel has of its zones under /proc and in debugfs, in its formats (Linux
// 6.18, mm/vmstat.c), so that what reads them reads ours. Pure.

#include <span>
#include <string>

#include "mm/pages/zone_facts.h"

namespace ring3::mm {

// /proc/buddyinfo: a line a populated zone, the free blocks of each order.
std::string buddyinfo_text(std::span<const ZoneFacts> zones);
// /proc/pagetypeinfo: the same by migratetype, the pageblocks of each, and, where owners are
// recorded, those of them that are mixed.
std::string pagetypeinfo_text(std::span<const ZoneFacts> zones);
// /proc/zoneinfo: marks, sizes, counters and CPUs' lists of every zone. Counters of what ring3 does
// not have are 0.
std::string zoneinfo_text(std::span<const ZoneFacts> zones);
// extfrag/unusable_index and extfrag/extfrag_index: the indices of mm/pages/fragmentation_index.h.
std::string unusable_index_text(std::span<const ZoneFacts> zones);
std::string extfrag_index_text(std::span<const ZoneFacts> zones);

// /proc/vmstat: a name and a number a line.
std::string vmstat_text(std::span<const ZoneFacts> zones, const VmEvents& events = {});

}  // namespace ring3::mm
