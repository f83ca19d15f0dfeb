#pragma once

// An interrupt of each CPU, which scenarios raise: what a handler does to an allocator comes at any
// step of what the tasks do to it.

#include <string>
#include <vector>

#include "harness/sim/world.h"

namespace ring3::harness {

class CpuInterrupts {
 public:
  // The handler of each is `body`: a hardirq's, or one's that nothing holds off.
  CpuInterrupts(World& world, unsigned cpus, const std::function<void()>& body,
                Context context = Context::kHardirq)
      : world_(world) {
    for (unsigned cpu = 0; cpu < cpus; ++cpu) {
      irqs_.push_back(world.add_interrupt("irq" + std::to_string(cpu), cpu, context, body));
    }
  }
  // Of CPU `number`, around.
  void raise(uint32_t number) { world_.raise(irqs_[number % irqs_.size()]); }

 private:
  World& world_;
  std::vector<uint32_t> irqs_;
};

}  // namespace ring3::harness
