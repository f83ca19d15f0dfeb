#pragma once

#include <cstdint>
#include <memory>

#include "harness/stress/machine.h"
#include "harness/stress/workload.h"

namespace ring3::harness {

// Buffers, sockets and their slabs for a few hundred connections.
inline constexpr uint64_t kTcpLeastMemoryBytes = uint64_t{16} << 20;

// Messages over TCP connections between two stacks on one lossy link in virtual time. All workers
// share the network, under one mutex; each has a connection of its own, whose bytes are checked.
// kNoResource when the memory is too small for the two stacks.
Result<std::unique_ptr<Workload>> make_tcp_workload(Machine& machine, uint64_t seed);

}  // namespace ring3::harness
