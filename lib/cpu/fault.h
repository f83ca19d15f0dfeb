#pragma once

// Named fault points, with the attributes and the boot-parameter form of the kernel's fault
// injection (Documentation/fault-injection/fault-injection.rst):
// `interval,probability,space,times`, and behind these, `,NAME=VALUE` for what it has in debugfs.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/cpu/atomic.h"
#include "lib/cpu/raw_spinlock.h"
#include "lib/prng.h"
#include "lib/report_sink.h"
#include "lib/result.h"

namespace ring3 {

// The defaults never fail anything.
struct FaultAttributes {
  uint64_t interval = 1;     // fail at most every interval-th call
  uint32_t probability = 0;  // percent, 0 to 100
  uint64_t space = 0;        // budget of size that passes before the first failure
  int64_t times = -1;        // failures left; -1 is no limit
  uint32_t verbose = 0;      // 1: each failure is told; 2: with its stack
  // Parts of names; empty: any. Only tasks of such a name fail, only calls below a function of such
  // a name, and none below one (task-filter, require-start, reject-start).
  std::string task = {};
  std::string require = {};
  std::string reject = {};
};

// Parses "interval,probability,space,times", all four, as in `failslab=1,10,0,-1`, and any of
// verbose, task, require and reject behind them. Other names go to `other`, which says whether it
// takes them; a fault point of its own kind may have more. kInvalidArgument says what is possible.
using OtherAttribute = std::function<bool(std::string_view name, std::string_view value)>;
Result<FaultAttributes> parse_fault_attributes(std::string_view text,
                                               const OtherAttribute& other = {});
// As parse_fault_attributes() takes it.
std::string to_string(const FaultAttributes& attributes);

namespace fault_internal {

// How many fault points are armed and how many tasks count down (Task::set_fail_nth), in this
// process: while there is none, a fault point is one load. Relaxed: a late answer only delays the
// first failure.
inline constinit Atomic<uint32_t> reasons{0};
inline void add_reason(int change) {
  reasons.fetch_add(static_cast<uint32_t>(change), std::memory_order_relaxed);
}

}  // namespace fault_internal

// One place where failure can be injected. The name is the kernel's: failslab, fail_page_alloc.
class FaultPoint {
 public:
  // Tells of failures where it is asked to at `reports`, which outlives it.
  explicit FaultPoint(std::string_view name, ReportSink& reports = stderr_report_sink())
      : name_(name), reports_(reports) {}
  ~FaultPoint();
  FaultPoint(const FaultPoint&) = delete;
  FaultPoint& operator=(const FaultPoint&) = delete;

  // From now on failures are drawn from `seed` by `attributes`.
  void arm(const FaultAttributes& attributes, uint64_t seed) EXCLUDES(lock_);

  // True when the operation of `size` must fail: the attributes say so, or the task's countdown has
  // come to its end here.
  bool should_fail(uint64_t size) EXCLUDES(lock_) { return may_fail() && should_fail_slow(size); }
  // False while no operation of the process can be made to fail.
  static bool may_fail() { return fault_internal::reasons.load(std::memory_order_relaxed) != 0; }

  std::string_view name() const { return name_; }
  // Failures injected so far.
  uint64_t injected() const { return injected_.load(std::memory_order_relaxed); }

 private:
  bool should_fail_slow(uint64_t size) EXCLUDES(lock_);
  using Attributes = std::shared_ptr<const FaultAttributes>;
  Attributes attributes() EXCLUDES(lock_);
  bool attributes_say_so(const FaultAttributes& attributes, uint64_t size) EXCLUDES(lock_);
  bool is_drawn(const FaultAttributes& attributes, uint64_t size) EXCLUDES(lock_);
  void tell(const FaultAttributes& attributes);
  void set_armed_locked(bool armed) REQUIRES(lock_);

  std::string_view name_;
  ReportSink& reports_;
  Atomic<uint64_t> injected_{0};

  RawSpinlock lock_;
  bool armed_ GUARDED_BY(lock_) = false;
  Attributes attributes_ GUARDED_BY(lock_);
  uint64_t space_ GUARDED_BY(lock_) = 0;  // what is left of the attributes'
  int64_t times_ GUARDED_BY(lock_) = 0;   // likewise
  uint64_t calls_ GUARDED_BY(lock_) = 0;
  Prng prng_ GUARDED_BY(lock_){0};
};

}  // namespace ring3
