#pragma once

// A simulated machine: tasks on CPUs, one of which takes one step at a time, in an order that a
// Strategy decides. Everything that the tasks do between two schedule points (lib/cpu/schedule.h)
// is one step.
//
// Two tasks on one CPU preempt each other; a sequence in the middle of which that happens, or a
// move to another CPU, or a fence, starts again. An interrupt comes to its CPU at any step of the
// tasks there, unless one of them holds it off; they go on when its handler has returned. Memory is
// sequentially consistent, and beside that the world keeps, by vector clocks, which step is ordered
// before which by the acquires and releases that the code asked for: what an oracle needs to see an
// order that is too weak (Stamp).

#include <tsl/robin_map.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/sim/clock_table.h"
#include "harness/sim/fiber.h"
#include "harness/sim/strategy.h"
#include "lib/check.h"
#include "lib/cpu/schedule.h"
#include "lib/cpu/task.h"
#include "lib/cpu/topology.h"
#include "lib/stack_trace.h"

namespace ring3::harness {

// How a run ended.
enum class Ending {
  kDone,      // every task has returned, and every handler that was raised
  kDeadlock,  // some wait, and nobody is left to end that
  kEndless,   // more steps than were allowed
  kFailed,    // fail() was called, or a CHECK did not hold
};

// A moment of one task.
struct Stamp {
  uint32_t task = 0;
  uint32_t time = 0;
};

struct WorldConfig {
  unsigned cpus = 2;
  uint64_t max_steps = 1'000'000;
};

class World final : private schedule::Scheduler {
 public:
  // Both outlive the world.
  World(const WorldConfig& config, Strategy& strategy, StackPool& stacks);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // A new task on `cpu`, which has not run yet; by the host before run(), or by a task. Returns its
  // number, from 0 on.
  uint32_t spawn(std::string_view name, unsigned cpu, std::function<void()> body);

  // An interrupt of `cpu`, whose handler is `body`, which may not sleep; when spawn() may be
  // called. Returns its number among the tasks. Nothing happens until it is raised.
  uint32_t add_interrupt(std::string_view name, unsigned cpu, Context context,
                         std::function<void()> body);
  // The handler of `interrupt` will run once more, at some step from now on; once, however often it
  // is raised before it begins. By a task, a handler, or the host before run().
  void raise(uint32_t interrupt);

  // Runs the tasks until an end of one kind.
  Ending run();
  // After a run that is kDone: runs `body` as a task on CPU 0, after all that has been. While
  // nobody else is there it takes no steps, since nobody could take one in between.
  Ending conclude(std::string_view name, std::function<void()> body);
  // While it lives, this thread is a task on CPU 0 of the world to which nothing happens: for what
  // is done before the run and after it.
  class Setup {
   public:
    explicit Setup(World& world);
    ~Setup();
    Setup(const Setup&) = delete;
    Setup& operator=(const Setup&) = delete;

   private:
    schedule::Scheduler* const before_;
    Task task_;
    const RunningTask running_;
  };

  // True in a task or a handler, false on the host.
  bool inside() const { return running_ != nullptr; }

  // ---- For tasks and handlers. ----

  // Ends the run here and now, with `what` is wrong, which it takes: nothing of the task's is freed
  // any more.
  [[noreturn]] void fail(std::string what);
  // A step in which the task does nothing.
  void yield();
  // By a task: returns when no handler runs or is raised, as synchronize_irq() does of one.
  void synchronize_irqs();

  Stamp stamp() const;
  // True when what happened up to `before` is ordered before what the running task does now.
  bool ordered_after(Stamp before) const;

  // ---- Afterwards. ----

  // What went wrong, in words; empty for kDone.
  const std::string& what() const { return what_; }
  uint64_t steps() const { return steps_; }
  // Of all worlds of this process.
  static uint64_t steps_ever() { return steps_ever_; }
  uint64_t switches() const { return switches_; }
  const Schedule& schedule() const { return schedule_; }
  const StepCounts& step_counts() const { return step_counts_; }
  // Of who did what in which order; the same for the same run on any machine.
  uint64_t trace_hash() const { return trace_hash_; }

 private:
  // kRaised: of an interrupt whose handler has not begun; kFinished: of one that is not raised,
  // too.
  enum class State : uint8_t { kReady, kWaitsForChange, kOnFutex, kRaised, kFinished };
  struct SimTask;

  void point(schedule::Access access, const void* address) override;
  void performed(schedule::Access access, const void* address, std::memory_order order) override;
  void wait_for_change(const void* address) override;
  void futex_wait(const void* address) override;
  void futex_wake(const void* address, int waiters) override;
  void begin_sequence() override;
  bool sequence_intact() override;
  void fence(unsigned cpu) override;
  Nanos now() override;
  void give_up(const char* why) override;

  // The running task's moment is over: what it does now is in the next.
  void tick(SimTask& task);
  // True where every step would be the running task's, and all that has been is before it.
  bool alone() const { return running_ == nullptr || (concluding_ && unfinished_ == 1); }
  SimTask& add(std::string_view name, unsigned cpu, Context context, std::function<void()> body);
  void block(State state, const void* address);
  void changed(const void* address);
  // Decides who takes the next step, and makes it happen.
  void step();
  SimTask* decide();
  bool may_run(const SimTask& task) const;
  bool may_move(const SimTask& task, unsigned cpu) const;
  void begin(SimTask& interrupt);
  void end(SimTask& task);
  void put_on_cpu(SimTask& task);
  void leave_cpu(SimTask& task);
  void mix(uint64_t value);
  void describe_waiting();
  std::string why_waiting(const SimTask& task) const;

  const WorldConfig config_;
  Strategy& strategy_;
  StackPool& stacks_;
  std::vector<std::unique_ptr<SimTask>> tasks_;
  SimTask* running_ = nullptr;  // whose stack this is; null: the host's
  SimTask* next_ = nullptr;     // decided upon, to be resumed
  uint32_t current_ = 0;        // who took the last step
  size_t waiting_ = 0;          // tasks that wait for a change
  std::vector<Candidate> candidates_;

  size_t unfinished_ = 0;    // tasks, and interrupts that are raised or run
  bool concluding_ = false;  // in conclude()
  bool has_interrupts_ = false;
  std::vector<std::vector<SimTask*>> handlers_;  // that have begun on each CPU, innermost last

  std::vector<SimTask*> on_cpu_;  // who ran on it last, and is still there
  ClockTable clocks_;
  std::vector<ClockTable::Row> cpu_clocks_;
  // What a word has that an acquire of it will get.
  tsl::robin_map<const void*, ClockTable::Row> released_;

  bool ended_ = false;
  Ending ending_ = Ending::kDone;
  std::string what_;
  uint64_t steps_ = 0;
  static inline uint64_t steps_ever_ = 0;
  uint64_t switches_ = 0;
  Schedule schedule_;
  StepCounts step_counts_;
  uint64_t trace_hash_ = 0;
};

}  // namespace ring3::harness
