#pragma once

// In which order the nodes are asked for memory, seen from each of them. Pure.

#include <vector>

#include "lib/cpu/topology.h"

namespace ring3::mm {

// For each node of `topology` those of the first `with_memory` nodes, which are those that have
// memory, the one to ask first in front: the node itself, and then by distance, to which a number
// lower than its own and CPUs count one each. Of equals, the one that fewer others ask first of
// those that are as far from them, then the lower number (mm/page_alloc.c: find_next_best_node and
// build_zonelists).
std::vector<std::vector<unsigned>> node_orders(const Topology& topology, unsigned with_memory);

}  // namespace ring3::mm
