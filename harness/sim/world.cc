#include "harness/sim/world.h"

#include <algorithm>
#include <utility>

namespace ring3::harness {

using schedule::Access;

struct World::SimTask {
  SimTask(std::string_view name, uint32_t number, unsigned cpu, StackPool& stacks,
          std::function<void()> body)
      : task(name, static_cast<int>(number) + 1, cpu),
        index(number),
        fiber(stacks, std::move(body)) {}

  Task task;
  const uint32_t index;
  Fiber fiber;
  State state = State::kReady;
  Access access = Access::kLoad;  // what it does next, and where
  const void* address = nullptr;
  StackTrace waits_at;
  bool intact = true;  // nobody has run on its CPU since its sequence began
  Clock clock;
};

namespace {

constexpr int kSetupId = 1 << 20;  // beyond those of tasks

}  // namespace

World::World(const Config& config, Strategy& strategy, StackPool& stacks)
    : config_(config),
      strategy_(strategy),
      stacks_(stacks),
      on_cpu_(config.cpus, nullptr),
      cpu_clocks_(config.cpus) {
  CHECK_GT(config.cpus, 0u);
}

World::~World() = default;

World::Setup::Setup(World& world)
    : before_(schedule::scheduler), task_("setup", kSetupId, 0), running_(task_) {
  schedule::scheduler = &world;
}
World::Setup::~Setup() { schedule::scheduler = before_; }

uint32_t World::spawn(std::string_view name, unsigned cpu, std::function<void()> body) {
  CHECK_LT(cpu, config_.cpus);
  const auto index = static_cast<uint32_t>(tasks_.size());
  tasks_.push_back(std::make_unique<SimTask>(name, index, cpu, stacks_, std::move(body)));
  SimTask& task = *tasks_.back();
  // It begins after whoever makes it; the host makes it after all that has been.
  for (const auto& other : tasks_) {
    if (other.get() == &task || (inside() && other.get() != running_)) continue;
    join(task.clock, other->clock);
    ++other->clock[other->index];
  }
  task.clock.resize(std::max<size_t>(task.clock.size(), index + 1));
  task.clock[index] = 1;
  step_counts_.of_task.push_back(0);
  return index;
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
      task.fiber.resume();
    }
    running_ = nullptr;
    if (ended_) break;
    if (!task.fiber.finished()) continue;
    task.state = State::kFinished;
    leave_cpu(task);
    next_ = decide();
  }
  exchange_panic_hook(before);
  return ending_;
}

void World::fail(std::string what) {
  CHECK(inside());
  if (!ended_) {
    ended_ = true;
    ending_ = Ending::kFailed;
    what_ = std::move(what);
  }
  for (;;) running_->fiber.pause();
}

void World::give_up(const char* why) {
  if (inside()) fail(why);
}

void World::yield() { point(Access::kLoad, nullptr); }

// ---- Steps. ----

// The task that takes the next step, on its CPU; null at the end.
World::SimTask* World::decide() {
  if (ended_) return nullptr;
  candidates_.clear();
  bool unfinished = false;
  for (const auto& task : tasks_) {
    unfinished |= task->state != State::kFinished;
    if (task->state == State::kReady) {
      candidates_.push_back(
          {.task = task->index, .access = task->access, .address = task->address});
    }
  }
  if (candidates_.empty()) {
    if (unfinished) {
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
    if (cpu && *cpu != task.task.cpu()) {
      schedule_.moves.push_back({.step = steps_, .cpu = *cpu});
      leave_cpu(task);
      task.task.move_to(*cpu);
      mix(*cpu + 1);
    }
  }
  put_on_cpu(task);
  mix(uint64_t{task.index} << 8 | static_cast<uint64_t>(task.access));
  ++steps_;
  ++steps_ever_;
  ++step_counts_.of_task[task.index];
  switches_ += task.index != current_;
  current_ = task.index;
  return &task;
}

void World::step() {
  SimTask& self = *running_;
  next_ = decide();
  if (next_ == &self) {
    next_ = nullptr;
    return;
  }
  // Somebody else's turn, or the end, after which nobody runs again.
  self.fiber.pause();
}

// Whoever ran there is preempted. A context switch orders what was done before it on that CPU.
void World::put_on_cpu(SimTask& task) {
  SimTask*& here = on_cpu_[task.task.cpu()];
  if (here == &task) return;
  if (here != nullptr) leave_cpu(*here);
  here = &task;
  join(task.clock, cpu_clocks_[task.task.cpu()]);
}

void World::leave_cpu(SimTask& task) {
  task.intact = false;
  SimTask*& here = on_cpu_[task.task.cpu()];
  if (here != &task) return;
  here = nullptr;
  join(cpu_clocks_[task.task.cpu()], task.clock);
  ++task.clock[task.index];
}

void World::point(Access access, const void* address) {
  if (!inside()) return;
  running_->access = access;
  running_->address = address;
  step();
}

void World::block(State state, const void* address) {
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
    join(running_->clock, cpu_clocks_[cpu]);
    return;
  }
  if (there == running_) return;
  there->intact = false;
  join(running_->clock, there->clock);
  join(there->clock, running_->clock);
  ++running_->clock[running_->index];
  ++there->clock[there->index];
}

Nanos World::now() { return Nanos(static_cast<int64_t>(steps_)); }

// ---- Order. ----

void World::join(Clock& into, const Clock& from) {
  if (into.size() < from.size()) into.resize(from.size());
  for (size_t i = 0; i < from.size(); ++i) into[i] = std::max(into[i], from[i]);
}

// C++20 [intro.races]: a release heads a sequence that updates continue and any other store ends.
void World::performed(Access access, const void* address, std::memory_order order) {
  if (!inside()) return;
  const bool acquires = access != Access::kStore && order != std::memory_order_relaxed &&
                        order != std::memory_order_release;
  const bool releases = access != Access::kLoad && order != std::memory_order_relaxed &&
                        order != std::memory_order_acquire;
  SimTask& self = *running_;
  if (acquires) {
    if (const auto found = released_.find(address); found != released_.end()) {
      join(self.clock, found->second);
    }
  }
  if (releases) {
    Clock& clock = released_[address];
    if (access == Access::kStore) clock.clear();
    join(clock, self.clock);
    ++self.clock[self.index];
  } else if (access == Access::kStore) {
    if (const auto found = released_.find(address); found != released_.end()) {
      found->second.clear();
    }
  }
  if (waiting_ == 0 || access == Access::kLoad) return;
  for (const auto& task : tasks_) {
    if (task->state == State::kWaitsForChange && task->address == address) {
      task->state = State::kReady;
      --waiting_;
    }
  }
}

Stamp World::stamp() const {
  CHECK(inside());
  return {.task = running_->index, .time = running_->clock[running_->index]};
}

bool World::ordered_after(Stamp before) const {
  CHECK(inside());
  const Clock& clock = running_->clock;
  if (before.task == running_->index) return true;
  return before.task < clock.size() && clock[before.task] >= before.time;
}

// ---- Reports. ----

void World::mix(uint64_t value) {
  uint64_t state = trace_hash_ ^ value;
  trace_hash_ = splitmix64(state);
}

void World::describe_waiting() {
  what_ = "nobody can go on:";
  for (const auto& task : tasks_) {
    if (task->state == State::kFinished) continue;
    what_ += "\n" + task->task.label() +
             (task->state == State::kOnFutex ? " sleeps, to be woken, in:"
                                             : " spins on a word that nobody changes, in:");
    for (const uintptr_t address : task->waits_at.frames()) {
      what_ += "\n  " + describe_address(address);
    }
  }
}

}  // namespace ring3::harness
