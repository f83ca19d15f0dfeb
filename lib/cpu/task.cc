#include "lib/cpu/task.h"

#include <algorithm>

#include "lib/check.h"
#include "lib/cpu/fault.h"
#include "lib/os.h"

namespace ring3 {

namespace task_internal {
constinit thread_local ThreadTask thread_task;
}

Task::Task(std::string_view name, int id, unsigned cpu) : id_(id), cpu_(cpu) {
  CHECK_GT(id, 0);
  std::copy_n(name.begin(), std::min(name.size(), name_.size() - 1), name_.begin());
}

unsigned Task::host_cpu() { return os::current_cpu(); }

int Task::id() const { return simulated() ? id_ : os::thread_id(); }

std::string Task::name() const {
  if (simulated()) return name_.data();
  std::array<char, 16> name;
  os::thread_name(name);
  return name.data();
}

std::string Task::label() const { return name() + "/" + std::to_string(id()); }

std::string Task::whereabouts() const {
  return "CPU: " + std::to_string(cpu()) + " PID: " + std::to_string(id()) + " Comm: " + name();
}

const char* context_name(Context context) {
  switch (context) {
    case Context::kTask:
      return "task";
    case Context::kSoftirq:
      return "softirq";
    case Context::kHardirq:
      return "hardirq";
    case Context::kNmi:
      return "NMI";
  }
  return "?";
}

bool Task::accepts(Context interrupt) const {
  switch (interrupt) {
    case Context::kTask:
      return false;
    case Context::kSoftirq:
      return bottom_halves_on();
    case Context::kHardirq:
      return irqs_on();
    case Context::kNmi:
      return context_ < Context::kNmi;
  }
  return false;
}

ContextGuard::ContextGuard(Context context) : task_(Task::current()), before_(task_.context_) {
  CHECK(context > before_);
  task_.context_ = context;
}

// Relaxed: what the count guards is this task's own; others are only sent the slow way round.
void Task::set_fail_nth(uint32_t nth) {
  if ((fail_nth_ != 0) != (nth != 0)) fault_internal::add_reason(nth != 0 ? 1 : -1);
  fail_nth_ = nth;
}

bool Task::count_down_fail_nth() {
  if (fail_nth_ == 0) return false;
  set_fail_nth(fail_nth_ - 1);
  return fail_nth_ == 0;
}

}  // namespace ring3
