#include "lockdep/report.h"

#include <fmt/format.h>

#include <iterator>

#include "lib/cpu/task.h"
#include "lib/stack_trace.h"

namespace ring3::lockdep {
namespace {

constexpr const char* kIdent = "ring3 lockdep";

// Appends the parts of a report to one string.
class ReportWriter {
 public:
  explicit ReportWriter(const ReportContext& context)
      : context_(context), task_(Task::current().label()) {}

  template <class... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void header(std::string_view title) {
    const std::string_view warning = "WARNING: ";
    const size_t width = warning.size() + title.size();
    print("\n{:=<{}}\n{}{}\n{}\n{:-<{}}\n", "", width, warning, title, kIdent, "", width);
  }

  void wants_and_holds(const HeldLock& next, const HeldLock& held) {
    print("{} is trying to acquire lock:\n", task_);
    held_lock(next);
    print("\nbut task is already holding lock:\n");
    held_lock(held);
  }

  // "name", with "/n" for a subclass.
  void class_name(LockClassId id) {
    const LockClass& c = context_.classes[id];
    print("{}", c.key->name);
    if (c.subclass != 0) print("/{}", c.subclass);
  }

  // "(name){usage}-{outer:inner}".
  void class_state(LockClassId id) {
    const LockClass& c = context_.classes[id];
    const uint8_t usage = c.usage.load(std::memory_order_relaxed);
    // Without interrupts a class is never used in one and always taken with them on.
    const char write = (usage & LockClass::kUsedWrite) != 0 ? '+' : '.';
    const char read = (usage & LockClass::kUsedRead) != 0 ? '+' : '.';
    const int wait = static_cast<int>(c.wait_type);
    print("(");
    class_name(id);
    print("){{{}{}{}{}}}-{{{}:{}}}", write, read, write, read, wait, wait);
  }

  void held_lock(const HeldLock& lock) {
    print("{:016x} ", reinterpret_cast<uintptr_t>(lock.instance));
    class_state(lock.class_id);
    print(", at: {}\n", describe_address(lock.acquire_ip));
  }

  void held_locks() {
    size_t count = 0;
    for (const HeldLock& lock : context_.task.entries()) count += ours(lock);
    if (count == 0) {
      print("no locks held by {}.\n", task_);
      return;
    }
    print("{} lock{} held by {}:\n", count, count == 1 ? "" : "s", task_);
    size_t number = 0;
    for (const HeldLock& lock : context_.task.entries()) {
      if (!ours(lock)) continue;
      print(" #{}: ", number++);
      held_lock(lock);
    }
  }

  void trace(const StackTrace& trace, std::string_view indent) {
    for (const uintptr_t address : trace.frames())
      print("{}{}\n", indent, describe_address(address));
  }

  void chain_entry(size_t number, LockClassId id, const StackTrace& where) {
    print("\n-> #{} ", number);
    class_state(id);
    print(":\n");
    trace(where, "       ");
  }

  // One line of a scenario: "lock(name);" in the column of a CPU.
  void scenario_step(size_t column, ReadMode mode, LockClassId id) {
    print("{:{}}{}(", "", column, mode == ReadMode::kWrite ? "lock" : "rlock");
    class_name(id);
    print(");\n");
  }

  std::string finish() {
    print("\nstack backtrace:\n{}\nCall Trace:\n", Task::current().whereabouts());
    trace(context_.trace, " ");
    return std::move(text_);
  }

  const std::string& task() const { return task_; }

 private:
  bool ours(const HeldLock& lock) const { return lock.checker == context_.checker; }

  const ReportContext& context_;
  std::string task_;  // "comm/tid"
  std::string text_;
};

constexpr size_t kCpu0 = 2;
constexpr size_t kCpu1 = 31;

// How the other CPU comes to hold `class_id` while it waits on along the path.
ReadMode mode_of(bool shared) { return shared ? ReadMode::kRead : ReadMode::kWrite; }

// The circle cut down to two CPUs: one holds `held` and wants `next`; the other holds the class
// before `held` on the path and wants `held`. What lies between is said in the line above.
void circular_scenario(ReportWriter& out, const HeldLock& next, const HeldLock& held,
                       const DependencyEdge& last) {
  if (last.from != next.class_id) {
    out.print("Chain exists of:\n  ");
    out.class_name(next.class_id);
    out.print(" --> ");
    out.class_name(last.from);
    out.print(" --> ");
    out.class_name(held.class_id);
    out.print("\n\n");
  }
  out.print(" Possible unsafe locking scenario:\n\n");
  out.print("       CPU0                    CPU1\n");
  out.print("       ----                    ----\n");
  out.scenario_step(kCpu0, held.mode, held.class_id);
  out.scenario_step(kCpu1, mode_of(last.kind.held_shared), last.from);
  out.scenario_step(kCpu1, mode_of(last.kind.awaits_recursively), held.class_id);
  out.scenario_step(kCpu0, next.mode, next.class_id);
  out.print("\n *** DEADLOCK ***\n\n");
}

}  // namespace

std::string circular_report(const ReportContext& context, const HeldLock& next,
                            const HeldLock& held, std::span<const DependencyEdge* const> path) {
  ReportWriter out(context);
  out.header("possible circular locking dependency detected");
  out.wants_and_holds(next, held);
  out.print("\nwhich lock already depends on the new lock.\n\n");
  out.print("\nthe existing dependency chain (in reverse order) is:\n");
  for (size_t i = path.size(); i > 0; --i) out.chain_entry(i, path[i - 1]->to, path[i - 1]->trace);
  out.chain_entry(0, next.class_id, context.trace);
  out.print("\nother info that might help us debug this:\n\n");
  circular_scenario(out, next, held, *path.back());
  out.held_locks();
  return out.finish();
}

std::string recursive_report(const ReportContext& context, const HeldLock& next,
                             const HeldLock& held) {
  ReportWriter out(context);
  out.header("possible recursive locking detected");
  out.wants_and_holds(next, held);
  out.print("\nother info that might help us debug this:\n");
  out.print(" Possible unsafe locking scenario:\n\n       CPU0\n       ----\n");
  out.scenario_step(kCpu0, held.mode, held.class_id);
  out.scenario_step(kCpu0, next.mode, next.class_id);
  out.print("\n *** DEADLOCK ***\n\n May be due to missing lock nesting notation\n\n");
  out.held_locks();
  return out.finish();
}

std::string unlock_balance_report(const ReportContext& context, const LockMap& lock, uintptr_t ip) {
  ReportWriter out(context);
  out.header("bad unlock balance detected!");
  out.print("{} is trying to release lock ({}) at:\n", out.task(), lock.key().name);
  out.print("[<{:016x}>] {}\n", ip, describe_address(ip));
  out.print("but there are no more locks to release!\n");
  out.print("\nother info that might help us debug this:\n");
  out.held_locks();
  return out.finish();
}

std::string limit_report(const char* name, size_t limit) {
  return fmt::format(
      "BUG: {} too low! (limit: {})\nturning off the locking correctness validator.\n", name,
      limit);
}

std::string stats_text(const StatsValues& v) {
  std::string text;
  const auto line = [&text](const char* label, uint32_t value) {
    fmt::format_to(std::back_inserter(text), " {:<30} {:>11}", label, value);
  };
  const auto bounded_line = [&text, &line](const char* label, uint32_t value, uint32_t max) {
    line(label, value);
    fmt::format_to(std::back_inserter(text), " [max: {}]\n", max);
  };
  bounded_line("lock-classes:", v.classes, v.max_classes);
  bounded_line("direct dependencies:", v.edges, v.max_edges);
  bounded_line("dependency chains:", v.chains, v.max_chains);
  line("max locking depth:", v.max_depth);
  text += '\n';
  line("debug_locks:", v.enabled ? 1 : 0);
  text += '\n';
  return text;
}

}  // namespace ring3::lockdep
