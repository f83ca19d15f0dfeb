#pragma once

#include <memory>

#include "harness/stress/machine.h"
#include "harness/stress/workload.h"

namespace ring3::harness {

// Nests of spinlocks, mutexes and rwlocks taken in one order, each guarding two counters that must
// always be equal. With `plant_abba`, two further locks are taken in both orders, one after the
// other, so that lockdep has something to report and nothing ever hangs.
std::unique_ptr<Workload> make_lock_workload(Machine& machine, bool plant_abba);

}  // namespace ring3::harness
