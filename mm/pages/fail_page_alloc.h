#pragma once

// The fault point of every page request, with what the kernel's fail_page_alloc has beside the
// attributes of all (mm/fail_page_alloc.c).

#include <string>
#include <string_view>

#include "lib/cpu/fault.h"
#include "mm/pages/gfp.h"
#include "mm/pages/page_units.h"

namespace ring3::mm {

// By these defaults any request may fail; the kernel's are 1, true and true. With __GFP_NOFAIL none
// ever does.
struct PageFaults {
  FaultAttributes attributes{};
  Order min_order{0};               // smaller blocks never fail
  bool ignore_gfp_wait = false;     // nor who may wait (__GFP_DIRECT_RECLAIM)
  bool ignore_gfp_highmem = false;  // nor who takes high memory too (__GFP_HIGHMEM)
};

// As parse_fault_attributes(), with min-order=N, ignore-gfp-wait=Y|N and ignore-gfp-highmem=Y|N.
Result<PageFaults> parse_page_faults(std::string_view text);
std::string to_string(const PageFaults& faults);

class FailPageAlloc {
 public:
  explicit FailPageAlloc(ReportSink& reports) : point_("fail_page_alloc", reports) {}

  void arm(const PageFaults& faults, uint64_t seed);
  // As FaultPoint::should_fail(). A request that never fails is no step of a countdown.
  bool should_fail(Gfp gfp, Order order) {
    return FaultPoint::may_fail() && can_fail(gfp, order) && point_.should_fail(order.bytes());
  }
  const FaultPoint& point() const { return point_; }
  uint64_t injected() const { return point_.injected(); }

 private:
  bool can_fail(Gfp gfp, Order order) const {
    return !gfp.any(Gfp(ignored_.load(std::memory_order_relaxed))) &&
           order.value() >= min_order_.load(std::memory_order_relaxed);
  }

  FaultPoint point_;
  // Relaxed: who asks while they change is judged by the old ones or the new.
  Atomic<uint32_t> ignored_{kGfpFlagNofail.bits()};  // any of these flags
  Atomic<uint32_t> min_order_{0};
};

}  // namespace ring3::mm
