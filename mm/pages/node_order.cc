#include "mm/pages/node_order.h"

#include <algorithm>
#include <tuple>

namespace ring3::mm {
namespace {

constexpr unsigned kPenaltyForCpus = 1;

std::vector<bool> nodes_with_cpus(const Topology& topology) {
  std::vector<bool> have(topology.node_count());
  for (unsigned cpu = 0; cpu < topology.cpu_ids(); ++cpu) {
    if (topology.is_online(cpu)) have[topology.node_of(cpu)] = true;
  }
  return have;
}

}  // namespace

std::vector<std::vector<unsigned>> node_orders(const Topology& topology, unsigned with_memory) {
  const std::vector<bool> have_cpus = nodes_with_cpus(topology);
  std::vector<unsigned> load(with_memory);  // how often each was the first of a new distance
  std::vector<std::vector<unsigned>> orders(topology.node_count());
  for (unsigned local = 0; local < topology.node_count(); ++local) {
    std::vector<unsigned>& order = orders[local];
    const auto cost = [&](unsigned node) {
      const unsigned distance =
          topology.distance(local, node) + (node < local) + (have_cpus[node] ? kPenaltyForCpus : 0);
      return std::tuple(node != local, distance, load[node]);
    };
    for (unsigned previous = local; order.size() < with_memory; previous = order.back()) {
      unsigned best = with_memory;
      for (unsigned node = 0; node < with_memory; ++node) {
        if (std::ranges::find(order, node) != order.end()) continue;
        if (best == with_memory || cost(node) < cost(best)) best = node;
      }
      if (topology.distance(local, best) != topology.distance(local, previous)) ++load[best];
      order.push_back(best);
    }
  }
  return orders;
}

}  // namespace ring3::mm
