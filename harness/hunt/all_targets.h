#pragma once

// Each target is a file of its own and a line here.

#include "harness/hunt/target.h"

namespace ring3::harness {

extern const TargetInfo kPercpuTarget;
extern const TargetInfo kLockTarget;
extern const TargetInfo kPagesTarget;
extern const TargetInfo kPackedTarget;
extern const TargetInfo kSlabTarget;
extern const TargetInfo kTcpTarget;
extern const TargetInfo kCanaryTarget;

}  // namespace ring3::harness
