#pragma once

// CPUs and the nodes they belong to: those of the host, or simulated ones of any number.
//
// A CPU has a number below cpu_ids(); numbers may have holes, and those that are off now may come.
// A node is a number below node_count(), with distances as in the ACPI SLIT: 10 to itself.

#include <string_view>
#include <vector>

#include "lib/result.h"

namespace ring3 {

class Topology {
 public:
  static constexpr unsigned kMaxCpus = 8192;  // the kernel's, with CONFIG_MAXSMP
  static constexpr unsigned kMaxNodes = 1024;
  static constexpr unsigned kLocalDistance = 10;
  static constexpr unsigned kRemoteDistance = 20;

  // This machine, as sysfs and the scheduler tell it; read at the first call. A CPU is online when
  // this process may run on it.
  static const Topology& host();

  // CPUs 0 to `cpus` - 1, all online, in order over `nodes` nodes of equal size or nearly so.
  // kInvalidArgument when there are none, too many, or more nodes than CPUs.
  static Result<Topology> simulated(unsigned cpus, unsigned nodes);

  // The same CPUs, in order over `nodes` nodes of equal size or nearly so; of more nodes than CPUs,
  // some have none (the kernel's numa=fake). kInvalidArgument for none, and for too many.
  Result<Topology> with_fake_nodes(unsigned nodes) const;

  // One more than the highest number that a CPU can ever have, as the kernel's nr_cpu_ids: what an
  // array with a cell for each CPU needs.
  unsigned cpu_ids() const { return static_cast<unsigned>(cpus_.size()); }
  unsigned node_count() const { return nodes_; }
  // At least 1. For sizes and numbers of threads, never a bound of CPU numbers.
  unsigned online_count() const;

  bool is_online(unsigned cpu) const { return cpu < cpus_.size() && cpus_[cpu].online; }
  unsigned node_of(unsigned cpu) const {
    CHECK_LT(cpu, cpus_.size());
    return cpus_[cpu].node;
  }
  unsigned distance(unsigned from, unsigned to) const {
    CHECK_LT(from, nodes_);
    CHECK_LT(to, nodes_);
    return distances_[size_t{from} * nodes_ + to];
  }

  // Of simulated nodes. kInvalidArgument for a number that is no node's, and for a distance below
  // kLocalDistance.
  Status set_distance(unsigned from, unsigned to, unsigned distance);

  // Hotplug of a simulated CPU. Whoever keeps something for each CPU is told by whoever does it
  // (Memory::cpu_dead). kInvalidArgument for a number that is none and for the last CPU that is
  // online.
  Status set_online(unsigned cpu, bool online);

 private:
  struct Cpu {
    unsigned node = 0;
    bool online = false;
  };
  Topology(unsigned cpus, unsigned nodes);
  static Topology read_host();
  void read_host_nodes();

  std::vector<Cpu> cpus_;
  unsigned nodes_;
  std::vector<unsigned> distances_;  // row by row
};

// The numbers in a list as sysfs prints it ("0-3,8"), in its order; none for any other text and for
// one with a number of Topology::kMaxCpus or more.
std::vector<unsigned> parse_cpu_list(std::string_view list);

}  // namespace ring3
