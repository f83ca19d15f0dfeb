#include "lib/cpu/topology.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "lib/os.h"

namespace ring3 {
namespace {

const std::string kCpus = "/sys/devices/system/cpu/";
const std::string kNodes = "/sys/devices/system/node/";

std::string node_file(unsigned node, const char* name) {
  return kNodes + "node" + std::to_string(node) + "/" + name;
}

// One more than the highest of `numbers`; 0 for none.
unsigned end_of(const std::vector<unsigned>& numbers) {
  return numbers.empty() ? 0 : *std::max_element(numbers.begin(), numbers.end()) + 1;
}

// Numbers with blanks between them.
std::vector<unsigned> parse_row(std::string_view text) {
  std::vector<unsigned> row;
  for (;;) {
    const size_t start = text.find_first_not_of(" \n");
    if (start == std::string_view::npos) return row;
    text.remove_prefix(start);
    unsigned number;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return {};
    row.push_back(number);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
}

}  // namespace

std::vector<unsigned> parse_cpu_list(std::string_view list) {
  while (list.ends_with('\n')) list.remove_suffix(1);
  std::vector<unsigned> numbers;
  std::optional<unsigned> first;  // of a range that has begun
  const char* at = list.data();
  const char* const last = at + list.size();
  for (;;) {
    unsigned number;
    const auto [after, error] = std::from_chars(at, last, number);
    if (error != std::errc() || number >= Topology::kMaxCpus || number < first.value_or(0)) {
      return {};
    }
    for (unsigned n = first.value_or(number); n <= number; ++n) numbers.push_back(n);
    if (after == last) return numbers;
    const bool opens_range = *after == '-' && !first;
    if (!opens_range && *after != ',') return {};
    first = opens_range ? std::optional(number) : std::nullopt;
    // A range's first number comes again with the rest of it.
    if (opens_range) numbers.pop_back();
    at = after + 1;
  }
}

Topology::Topology(unsigned cpus, unsigned nodes)
    : cpus_(cpus), nodes_(nodes), distances_(size_t{nodes} * nodes, kRemoteDistance) {
  for (unsigned node = 0; node < nodes; ++node) {
    distances_[size_t{node} * nodes + node] = kLocalDistance;
  }
}

const Topology& Topology::host() {
  static const Topology topology = read_host();
  return topology;
}

// Where sysfs is missing or says less than the scheduler does (both in containers), what this
// process may run on still bounds where it runs.
Topology Topology::read_host() {
  const std::vector<unsigned> allowed = os::allowed_cpus();
  const std::vector<unsigned> possible =
      parse_cpu_list(os::read_line((kCpus + "possible").c_str()));
  unsigned ids = os::configured_cpus();
  ids = std::max({ids, end_of(allowed), end_of(possible)});
  const std::vector<unsigned> nodes = parse_cpu_list(os::read_line((kNodes + "online").c_str()));
  Topology topology(ids, std::clamp(end_of(nodes), 1u, kMaxNodes));
  for (const unsigned cpu : allowed) topology.cpus_[cpu].online = true;
  if (allowed.empty()) topology.cpus_[0].online = true;
  topology.read_host_nodes();
  return topology;
}

void Topology::read_host_nodes() {
  for (unsigned node = 0; node < nodes_; ++node) {
    for (const unsigned cpu : parse_cpu_list(os::read_line(node_file(node, "cpulist").c_str()))) {
      if (cpu < cpus_.size()) cpus_[cpu].node = node;
    }
    const std::vector<unsigned> row = parse_row(os::read_line(node_file(node, "distance").c_str()));
    if (row.size() == nodes_) {
      std::copy(row.begin(), row.end(), distances_.begin() + size_t{node} * nodes_);
    }
  }
}

Result<Topology> Topology::simulated(unsigned cpus, unsigned nodes) {
  if (cpus == 0 || cpus > kMaxCpus || nodes == 0 || nodes > kMaxNodes || nodes > cpus) {
    return Error{Errc::kInvalidArgument,
                 "a machine of " + std::to_string(cpus) + " CPUs in " + std::to_string(nodes) +
                     " nodes is not possible; use 1 to " + std::to_string(kMaxCpus) +
                     " CPUs, 1 to " + std::to_string(kMaxNodes) +
                     " nodes, and no more nodes than CPUs"};
  }
  Topology topology(cpus, nodes);
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    topology.cpus_[cpu] = {.node = cpu * nodes / cpus, .online = true};
  }
  return topology;
}

Result<Topology> Topology::with_fake_nodes(unsigned nodes) const {
  if (nodes == 0 || nodes > kMaxNodes) {
    return Error{
        Errc::kInvalidArgument,
        std::to_string(nodes) + " nodes are not possible; use 1 to " + std::to_string(kMaxNodes)};
  }
  Topology topology(cpu_ids(), nodes);
  topology.cpus_ = cpus_;
  const unsigned online = online_count();
  unsigned before = 0;
  for (Cpu& cpu : topology.cpus_) {
    cpu.node = std::min(before, online - 1) * nodes / online;
    before += cpu.online;
  }
  return topology;
}

unsigned Topology::online_count() const {
  return static_cast<unsigned>(
      std::count_if(cpus_.begin(), cpus_.end(), [](const Cpu& cpu) { return cpu.online; }));
}

Status Topology::set_distance(unsigned from, unsigned to, unsigned distance) {
  if (from >= nodes_ || to >= nodes_ || distance < kLocalDistance) {
    return Error{Errc::kInvalidArgument, "nodes " + std::to_string(from) + " and " +
                                             std::to_string(to) + " cannot be as far apart as " +
                                             std::to_string(distance) + "; use nodes 0 to " +
                                             std::to_string(nodes_ - 1) + " and " +
                                             std::to_string(kLocalDistance) + " or more"};
  }
  distances_[size_t{from} * nodes_ + to] = distance;
  return {};
}

Status Topology::set_online(unsigned cpu, bool online) {
  if (cpu >= cpus_.size()) {
    return Error{Errc::kInvalidArgument, "there is no CPU " + std::to_string(cpu) + "; use 0 to " +
                                             std::to_string(cpus_.size() - 1)};
  }
  if (!online && is_online(cpu) && online_count() == 1) {
    return Error{Errc::kInvalidArgument,
                 "CPU " + std::to_string(cpu) + " is the last one that is online"};
  }
  cpus_[cpu].online = online;
  return {};
}

}  // namespace ring3
