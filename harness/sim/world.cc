#include "harness/sim/world.h"

#include <algorithm>
#include <utility>

namespace ring3::harness {

using schedule::Access;

struct World::SimTask {
  SimTask(std::string_view name, uint32_t number, unsigned cpu, Context kind,
          std::function<void()> work)
      : task(name, static_cast<int>(number) + 1, cpu),
        index(number),
        context(kind),
        body(std::move(work)) {}
  bool is_interrupt() const { return context != Context::kTask; }

  Task task;
  const uint32_t index;
  const Context context;
  const std::function<void()> body;
  std::optional<Fiber> fiber;
  bool raised_again = false;  // while its handler runs
  State state = State::kReady;
  Access access = Access::kLoad;  // what it does next, and where
  const void* address = nullptr;
  StackTrace waits_at;
  bool intact = true;  // nobody has run on its CPU since its sequence began
  ClockTable::Row clock = 0;
  ClockTable::Row raised = 0;  // what whoever raised it had done before
};

namespace {

constexpr int kSetupId = 1 << 20;  // beyond those of tasks

}  // namespace

World::World(const WorldConfig& config, Strategy& strategy, StackPool& stacks)
    : config_(config),
      strategy_(strategy),
      stacks_(stacks),
      handlers_(config.cpus),
      on_cpu_(config.cpus, nullptr) {
  CHECK_GT(config.cpus, 0u);
  for (unsigned cpu = 0; cpu < config.cpus; ++cpu) cpu_clocks_.push_back(clocks_.add());
}

World::~World() = default;

World::Setup::Setup(World& world)
    : before_(schedule::scheduler), task_("setup", kSetupId, 0), running_(task_) {
  schedule::scheduler = &world;
}
World::Setup::~Setup() { schedule::scheduler = before_; }

World::SimTask& World::add(std::string_view name, unsigned cpu, Context context,
                           std::function<void()> body) {
  CHECK_LT(cpu, config_.cpus);
  const auto index = static_cast<uint32_t>(tasks_.size());
  tasks_.push_back(std::make_unique<SimTask>(name, index, cpu, context, std::move(body)));
  SimTask& task = *tasks_.back();
  clocks_.hold(index);
  task.clock = clocks_.add();
  clocks_.time(task.clock, index) = 1;
  step_counts_.of_task.push_back(0);
  return task;
}

uint32_t World::spawn(std::string_view name, unsigned cpu, std::function<void()> body) {
  SimTask& task = add(name, cpu, Context::kTask, std::move(body));
  task.fiber.emplace(stacks_, [&task] { task.body(); });
  ++unfinished_;
  // It begins after whoever makes it; the host makes it after all that has been.
  for (const auto& other : tasks_) {
    if (other.get() == &task || (inside() && other.get() != running_)) continue;
    clocks_.join(task.clock, other->clock);
    tick(*other);
  }
  return task.index;
}

uint32_t World::add_interrupt(std::string_view name, unsigned cpu, Context context,
                              std::function<void()> body) {
  CHECK(context != Context::kTask);
  SimTask& interrupt = add(name, cpu, context, std::move(body));
  interrupt.state = State::kFinished;
  interrupt.raised = clocks_.add();
  has_interrupts_ = true;
  return interrupt.index;
}

// Whoever raises it has done before what the handler will see.
void World::raise(uint32_t number) {
  SimTask& interrupt = *tasks_[number];
  CHECK(interrupt.is_interrupt());
  if (inside()) {
    clocks_.join(interrupt.raised, running_->clock);
    tick(*running_);
  }
  if (interrupt.state == State::kFinished) {
    interrupt.state = State::kRaised;
    ++unfinished_;
    interrupt.access = Access::kLoad;
    interrupt.address = nullptr;
  } else if (interrupt.state != State::kRaised) {
    interrupt.raised_again = true;
  }
}

Ending World::run() {
  const Setup setup(*this);
  const PanicHook before = exchange_panic_hook(
      {.call = [](void* world,
                  const char* message) { static_cast<World*>(world)->give_up(message); },
       .argument = this});
  next_ = decide();
  while (next_ != nullptr) {
    SimTask& task = *std::exchange(next_, nullptr);
    running_ = &task;
    {
      const RunningTask current(task.task);
      task.fiber->resume();
    }
    running_ = nullptr;
    if (ended_) break;
    if (!task.fiber->finished()) continue;
    end(task);
    next_ = decide();
  }
  exchange_panic_hook(before);
  return ending_;
}

Ending World::conclude(std::string_view name, std::function<void()> body) {
  CHECK(!ended_);
  concluding_ = true;
  spawn(name, 0, std::move(body));
  return run();
}

void World::fail(std::string what) {
  CHECK(inside());
  if (!ended_) {
    ended_ = true;
    ending_ = Ending::kFailed;
    what_ = std::move(what);
  }
  for (;;) running_->fiber->pause();
}

void World::give_up(const char* why) {
  if (inside()) fail(why);
}

void World::yield() { point(Access::kLoad, nullptr); }

void World::synchronize_irqs() {
  const auto busy = [](const auto& task) {
    return task->is_interrupt() && task->state != State::kFinished;
  };
  while (std::ranges::any_of(tasks_, busy)) block(State::kWaitsForChange, &handlers_);
}

// ---- Steps. ----

// The task that takes the next step, on its CPU; null at the end.
World::SimTask* World::decide() {
  if (ended_) return nullptr;
  candidates_.clear();
  for (const auto& task : tasks_) {
    if (may_run(*task)) {
      candidates_.push_back(
          {.task = task->index, .access = task->access, .address = task->address});
    }
  }
  if (candidates_.empty()) {
    if (unfinished_ != 0) {
      ended_ = true;
      ending_ = Ending::kDeadlock;
      describe_waiting();
    }
    return nullptr;
  }
  if (steps_ == config_.max_steps) {
    ended_ = true;
    ending_ = Ending::kEndless;
    what_ = "no end after " + std::to_string(steps_) + " steps";
    return nullptr;
  }
  const size_t chosen = strategy_.choose(candidates_, current_);
  SimTask& task = *tasks_[candidates_[chosen].task];
  if (chosen != default_choice(candidates_, current_)) {
    schedule_.switches.push_back({.step = steps_, .task = task.index});
  }
  if (config_.cpus > 1) {
    const auto cpu = strategy_.move(config_.cpus);
    if (cpu && *cpu != task.task.cpu() && may_move(task, *cpu)) {
      schedule_.moves.push_back({.step = steps_, .cpu = *cpu});
      leave_cpu(task);
      task.task.move_to(*cpu);
      mix(*cpu + 1);
    }
  }
  put_on_cpu(task);
  if (task.state == State::kRaised) begin(task);
  mix(uint64_t{task.index} << 8 | static_cast<uint64_t>(task.access));
  ++steps_;
  ++steps_ever_;
  ++step_counts_.of_task[task.index];
  switches_ += task.index != current_;
  current_ = task.index;
  return &task;
}

// A handler has its CPU to itself, but for later contexts. One that is raised begins where no task
// holds it off: neither the one that runs there nor, since its lock may be what the handler waits
// for, one that is preempted there.
bool World::may_run(const SimTask& task) const {
  if (task.state != State::kReady && task.state != State::kRaised) return false;
  if (!has_interrupts_) return true;
  const unsigned cpu = task.task.cpu();
  const std::vector<SimTask*>& handlers = handlers_[cpu];
  if (task.state == State::kReady) return handlers.empty() || handlers.back() == &task;
  if (!handlers.empty() && !handlers.back()->task.accepts(task.context)) return false;
  return std::ranges::all_of(tasks_, [&](const auto& other) {
    return other->is_interrupt() || other->state == State::kFinished || other->task.cpu() != cpu ||
           other->task.accepts(task.context);
  });
}

// Neither to nor from an interrupt, and not with interrupts held off, which are this CPU's.
bool World::may_move(const SimTask& task, unsigned cpu) const {
  return !has_interrupts_ ||
         (!task.is_interrupt() && task.task.accepts(Context::kSoftirq) && handlers_[cpu].empty());
}

void World::begin(SimTask& interrupt) {
  interrupt.state = State::kReady;
  clocks_.join(interrupt.clock, interrupt.raised);
  handlers_[interrupt.task.cpu()].push_back(&interrupt);
  interrupt.fiber.emplace(stacks_, [&interrupt] {
    const ContextGuard context(interrupt.context);
    interrupt.body();
  });
}

void World::end(SimTask& task) {
  leave_cpu(task);
  if (task.is_interrupt()) {
    handlers_[task.task.cpu()].pop_back();
    changed(&handlers_);
    if (std::exchange(task.raised_again, false)) {
      task.state = State::kRaised;
      return;
    }
  }
  task.state = State::kFinished;
  --unfinished_;
}

void World::step() {
  SimTask& self = *running_;
  next_ = decide();
  if (next_ == &self) {
    next_ = nullptr;
    return;
  }
  // Somebody else's turn, or the end, after which nobody runs again.
  self.fiber->pause();
}

// Whoever ran there is preempted. A context switch orders what was done before it on that CPU.
void World::put_on_cpu(SimTask& task) {
  SimTask*& here = on_cpu_[task.task.cpu()];
  if (here == &task) return;
  if (here != nullptr) leave_cpu(*here);
  here = &task;
  clocks_.join(task.clock, cpu_clocks_[task.task.cpu()]);
}

void World::leave_cpu(SimTask& task) {
  task.intact = false;
  SimTask*& here = on_cpu_[task.task.cpu()];
  if (here != &task) return;
  here = nullptr;
  clocks_.join(cpu_clocks_[task.task.cpu()], task.clock);
  tick(task);
}

void World::point(Access access, const void* address) {
  if (alone()) return;
  running_->access = access;
  running_->address = address;
  step();
}

void World::block(State state, const void* address) {
  if (state == State::kOnFutex && running_->is_interrupt()) {
    fail("sleeps in an interrupt: " + running_->task.label() + ", a " +
         context_name(running_->context) + " handler");
  }
  running_->state = state;
  running_->address = address;
  running_->waits_at = StackTrace::capture();
  waiting_ += state == State::kWaitsForChange;
  step();
}

void World::wait_for_change(const void* address) {
  if (inside()) block(State::kWaitsForChange, address);
}

void World::futex_wait(const void* address) {
  if (inside()) block(State::kOnFutex, address);
}

void World::futex_wake(const void* address, int waiters) {
  for (const auto& task : tasks_) {
    if (waiters == 0) return;
    if (task->state != State::kOnFutex || task->address != address) continue;
    task->state = State::kReady;
    --waiters;
  }
}

// ---- Sequences. ----

void World::begin_sequence() {
  if (inside()) running_->intact = true;
}
bool World::sequence_intact() { return !inside() || running_->intact; }

void World::fence(unsigned cpu) {
  if (!inside()) return;
  point(Access::kUpdate, nullptr);
  SimTask* there = on_cpu_[cpu];
  if (there == nullptr) {
    clocks_.join(running_->clock, cpu_clocks_[cpu]);
    return;
  }
  if (there == running_) return;
  there->intact = false;
  clocks_.join(running_->clock, there->clock);
  clocks_.join(there->clock, running_->clock);
  tick(*running_);
  tick(*there);
}

Nanos World::now() { return Nanos(static_cast<int64_t>(steps_)); }

// ---- Order. ----

void World::tick(SimTask& task) { ++clocks_.time(task.clock, task.index); }

// C++20 [intro.races]: a release heads a sequence that updates continue and any other store ends.
void World::performed(Access access, const void* address, std::memory_order order) {
  if (alone()) return;
  const bool acquires = access != Access::kStore && order != std::memory_order_relaxed &&
                        order != std::memory_order_release;
  const bool releases = access != Access::kLoad && order != std::memory_order_relaxed &&
                        order != std::memory_order_acquire;
  SimTask& self = *running_;
  const auto found = released_.find(address);
  if (acquires && found != released_.end()) clocks_.join(self.clock, found->second);
  if (releases) {
    const ClockTable::Row clock = found != released_.end() ? found->second : clocks_.add();
    if (found == released_.end()) released_.emplace(address, clock);
    if (access == Access::kStore) clocks_.clear(clock);
    clocks_.join(clock, self.clock);
    tick(self);
  } else if (access == Access::kStore && found != released_.end()) {
    clocks_.clear(found->second);
  }
  if (access != Access::kLoad) changed(address);
}

// Whoever waits for that looks again.
void World::changed(const void* address) {
  if (waiting_ == 0) return;
  for (const auto& task : tasks_) {
    if (task->state == State::kWaitsForChange && task->address == address) {
      task->state = State::kReady;
      --waiting_;
    }
  }
}

Stamp World::stamp() const {
  CHECK(inside());
  return {.task = running_->index, .time = clocks_.time(running_->clock, running_->index)};
}

bool World::ordered_after(Stamp before) const {
  CHECK(inside());
  return before.task == running_->index ||
         clocks_.time(running_->clock, before.task) >= before.time;
}

// ---- Reports. ----

void World::mix(uint64_t value) {
  uint64_t state = trace_hash_ ^ value;
  trace_hash_ = splitmix64(state);
}

std::string World::why_waiting(const SimTask& task) const {
  if (task.state == State::kOnFutex) return " sleeps, to be woken";
  if (task.state == State::kWaitsForChange) return " spins on a word that nobody changes";
  const std::vector<SimTask*>& handlers = handlers_[task.task.cpu()];
  const std::string where = " on CPU " + std::to_string(task.task.cpu());
  if (!handlers.empty()) return " is kept off by " + handlers.back()->task.label() + where;
  return " is held off by a task" + where;
}

void World::describe_waiting() {
  what_ = "nobody can go on:";
  for (const auto& task : tasks_) {
    if (task->state == State::kFinished) continue;
    what_ += "\n" + task->task.label() + why_waiting(*task);
    if (task->state != State::kOnFutex && task->state != State::kWaitsForChange) continue;
    what_ += ", in:";
    for (const uintptr_t address : task->waits_at.frames()) {
      what_ += "\n  " + describe_address(address);
    }
  }
}

}  // namespace ring3::harness
