#pragma once

// What runs, and where: the kernel's `current`. Everything above lib/cpu asks the Task, never the
// operating system.
//
// A host thread has a Task of its own. A simulation makes others and says which of them runs
// (RunningTask): then the same code is on that task's CPU, under its name, with its locks held.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ring3 {

// What the running task's allocations may and may not do, whatever flags they come with: the
// kernel's PF_MEMALLOC and memalloc_*_save(). A set of bits.
enum class AllocScope : uint8_t {
  kNone = 0,
  kNoio = 1,      // as if without __GFP_IO and __GFP_FS
  kNofs = 2,      // as if without __GFP_FS
  kMemalloc = 4,  // it works to free memory: all reserves are open to it
};
constexpr AllocScope operator|(AllocScope a, AllocScope b) {
  return static_cast<AllocScope>(static_cast<uint8_t>(a) | static_cast<uint8_t>(b));
}
constexpr bool includes(AllocScope scopes, AllocScope one) {
  return (static_cast<uint8_t>(scopes) & static_cast<uint8_t>(one)) != 0;
}

// What kind of work runs: the kernel's in_task(), in_serving_softirq(), in_hardirq() and in_nmi().
// A later one may interrupt an earlier one.
enum class Context : uint8_t { kTask, kSoftirq, kHardirq, kNmi };
// "task", "softirq", "hardirq", "NMI".
const char* context_name(Context context);

class Task {
 public:
  // A host thread's own, wherever it runs.
  constexpr Task() = default;
  // A simulated one, which runs where it is put. `id` > 0; of the name the first 15 characters.
  Task(std::string_view name, int id, unsigned cpu);
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Never null and never another thread's: what is in it needs no lock.
  static Task& current();

  // The CPU it runs on; of a host thread, where it was a moment ago.
  unsigned cpu() const { return simulated() ? cpu_ : host_cpu(); }
  // For the simulation of a simulated task.
  void move_to(unsigned cpu) { cpu_ = cpu; }

  // The number that reports call PID, and the name that they call Comm.
  int id() const;
  std::string name() const;
  // "comm/pid" and "CPU: n PID: n Comm: comm", as reports name the task.
  std::string label() const;
  std::string whereabouts() const;

  // ---- Interrupts. A host thread takes none, but it may say what it stands for. ----

  Context context() const { return context_; }
  // What may interrupt it now. Interrupts are off in their own handlers and while they are held
  // off; bottom halves, which run as softirqs, in those too.
  bool irqs_on() const { return irqs_off_ == 0 && context_ < Context::kHardirq; }
  bool bottom_halves_on() const {
    return irqs_on() && bottom_halves_off_ == 0 && context_ == Context::kTask;
  }
  bool accepts(Context interrupt) const;

  // Calls nest: as many on as off.
  void irqs_off() { ++irqs_off_; }
  void irqs_restore() { --irqs_off_; }

  // ---- Memory allocation. ----

  AllocScope alloc_scope() const { return alloc_scope_; }

  // The n-th fault point that this task passes from now on fails, as after writing n to
  // /proc/<pid>/fail-nth; 0: none will. Read back, how many are to come (lib/cpu/fault.h).
  uint32_t fail_nth() const { return fail_nth_; }
  void set_fail_nth(uint32_t nth);
  // A fault point is passed; true when it is the one that fails.
  bool count_down_fail_nth();

  // ---- For lockdep: the locks it holds. All zeros at first. ----

  static constexpr size_t kHeldLocksBytes = 1984;
  std::byte* held_locks() { return held_locks_.data(); }

 private:
  friend class AllocScopeGuard;
  friend class BottomHalvesOff;
  friend class ContextGuard;
  bool simulated() const { return id_ != 0; }
  static unsigned host_cpu();

  int id_ = 0;  // 0: a host thread's
  unsigned cpu_ = 0;
  std::array<char, 16> name_{};
  Context context_ = Context::kTask;
  AllocScope alloc_scope_ = AllocScope::kNone;
  uint16_t irqs_off_ = 0;  // how many hold them off
  uint16_t bottom_halves_off_ = 0;
  uint32_t fail_nth_ = 0;
  alignas(8) std::array<std::byte, kHeldLocksBytes> held_locks_{};
};

namespace task_internal {

struct ThreadTask {
  Task* simulated = nullptr;  // the one that runs on this thread instead of its own
  Task own;
};
// Initial-exec: one instruction finds it, in the LD_PRELOAD libraries to come too.
extern constinit thread_local ThreadTask thread_task __attribute__((tls_model("initial-exec")));

}  // namespace task_internal

inline Task& Task::current() {
  task_internal::ThreadTask& here = task_internal::thread_task;
  return here.simulated != nullptr ? *here.simulated : here.own;
}

// While it lives, `task` is the current one of this thread.
class RunningTask {
 public:
  explicit RunningTask(Task& task) : before_(task_internal::thread_task.simulated) {
    task_internal::thread_task.simulated = &task;
  }
  ~RunningTask() { task_internal::thread_task.simulated = before_; }
  RunningTask(const RunningTask&) = delete;
  RunningTask& operator=(const RunningTask&) = delete;

 private:
  Task* const before_;
};

// While it lives, the current task's allocations are in `scope` too. Nests.
class AllocScopeGuard {
 public:
  explicit AllocScopeGuard(AllocScope scope) : task_(Task::current()), before_(task_.alloc_scope_) {
    task_.alloc_scope_ = before_ | scope;
  }
  ~AllocScopeGuard() { task_.alloc_scope_ = before_; }
  AllocScopeGuard(const AllocScopeGuard&) = delete;
  AllocScopeGuard& operator=(const AllocScopeGuard&) = delete;

 private:
  Task& task_;
  const AllocScope before_;
};

// While it lives, no interrupt comes to the current task's CPU: local_irq_save(). Nests.
class IrqsOff {
 public:
  IrqsOff() : task_(Task::current()) { task_.irqs_off(); }
  ~IrqsOff() { task_.irqs_restore(); }
  IrqsOff(const IrqsOff&) = delete;
  IrqsOff& operator=(const IrqsOff&) = delete;

 private:
  Task& task_;
};

// While it lives, no softirq comes: local_bh_disable(). Nests.
class BottomHalvesOff {
 public:
  BottomHalvesOff() : task_(Task::current()) { ++task_.bottom_halves_off_; }
  ~BottomHalvesOff() { --task_.bottom_halves_off_; }
  BottomHalvesOff(const BottomHalvesOff&) = delete;
  BottomHalvesOff& operator=(const BottomHalvesOff&) = delete;

 private:
  Task& task_;
};

// While it lives, the current task serves an interrupt of a later context than its own.
class ContextGuard {
 public:
  explicit ContextGuard(Context context);
  ~ContextGuard() { task_.context_ = before_; }
  ContextGuard(const ContextGuard&) = delete;
  ContextGuard& operator=(const ContextGuard&) = delete;

 private:
  Task& task_;
  const Context before_;
};

}  // namespace ring3
