#include "lockdep/validator.h"

#include <utility>

#include "lockdep/report.h"

namespace ring3::lockdep {
namespace {

EdgeKind edge_kind(const HeldLock& held, const HeldLock& next) {
  return {.held_shared = held.mode != ReadMode::kWrite,
          .awaits_recursively = next.mode == ReadMode::kRecursiveRead};
}

Status check_limits(const Limits& limits) {
  const bool usable = limits.classes > 0 && limits.edges > 0 && limits.chains > 0;
  if (usable && limits.classes <= kMaxLockClasses) return {};
  return Error{Errc::kInvalidArgument, "lockdep limits: classes " + std::to_string(limits.classes) +
                                           ", edges " + std::to_string(limits.edges) + ", chains " +
                                           std::to_string(limits.chains) +
                                           "; each must be at least 1, and classes at most " +
                                           std::to_string(kMaxLockClasses)};
}

}  // namespace

Result<std::unique_ptr<Lockdep>> Lockdep::create(ReportSink& sink, const Limits& limits) {
  if (const Status status = check_limits(limits); !status) return status.error();
  auto classes = ClassTable::create(limits.classes);
  if (!classes) return classes.error();
  auto graph = DependencyGraph::create(limits);
  if (!graph) return graph.error();
  auto chains = ChainCache::create(limits.chains);
  if (!chains) return chains.error();
  return std::unique_ptr<Lockdep>(
      new Lockdep(sink, limits, std::move(*classes), std::move(*graph), std::move(*chains)));
}

Lockdep::Lockdep(ReportSink& sink, const Limits& limits, ClassTable classes, DependencyGraph graph,
                 ChainCache chains)
    : sink_(sink),
      limits_(limits),
      classes_(std::move(classes)),
      chains_(std::move(chains)),
      graph_(std::move(graph)) {}

void Lockdep::acquire(HeldLocks& task, LockMap& lock, ReadMode mode, uintptr_t ip) {
  HeldLock next{.checker = this, .instance = &lock, .acquire_ip = ip, .mode = mode};
  if (!prepare(task, lock, next)) return;
  if (!chains_.contains(next.chain_key) && !validate_chain(task, next)) return;
  push(task, next);
}

void Lockdep::try_acquired(HeldLocks& task, LockMap& lock, ReadMode mode, uintptr_t ip) {
  HeldLock next{
      .checker = this, .instance = &lock, .acquire_ip = ip, .mode = mode, .trylock = true};
  if (prepare(task, lock, next)) push(task, next);
}

// Looks at the task's list even when the checker is off: an entry from before must not stay behind.
void Lockdep::release(HeldLocks& task, LockMap& lock, uintptr_t ip) {
  if (task.remove(&lock)) return;
  if (!enabled() || !turn_off()) return;
  const StackTrace trace = StackTrace::capture(ip);
  report(unlock_balance_report({classes_, this, task, trace}, lock, ip));
}

bool Lockdep::prepare(HeldLocks& task, LockMap& lock, HeldLock& next) {
  if (!enabled()) return false;
  if (task.full()) [[unlikely]] {
    report_limit("MAX_LOCK_DEPTH", kMaxHeldLocks);
    return false;
  }
  next.class_id = class_of(lock);
  if (next.class_id == kNoLockClass) return false;
  classes_[next.class_id].mark_used(next.mode);
  next.chain_key = extend_chain_key(task.chain_key(this), next.class_id, next.mode);
  return true;
}

void Lockdep::push(HeldLocks& task, const HeldLock& next) {
  task.push(next);
  // A figure for people: a maximum that another thread sets at the same moment may be lost.
  const auto depth = static_cast<uint32_t>(task.depth());
  if (depth > max_depth_.load(std::memory_order_relaxed)) [[unlikely]] {
    max_depth_.store(depth, std::memory_order_relaxed);
  }
}

LockClassId Lockdep::class_of(LockMap& lock) {
  const LockClassId cached = lock.cached_class();
  if (cached != kNoLockClass) [[likely]]
    return cached;
  const LockClassId id = register_class(lock);
  if (id == kNoLockClass) {
    report_limit("MAX_LOCKDEP_KEYS", limits_.classes);
  } else {
    lock.cache_class(id);
  }
  return id;
}

LockClassId Lockdep::register_class(LockMap& lock) {
  RawSpinlockGuard guard(lock_);
  return classes_.find_or_add(lock.key(), lock.subclass(), lock.wait_type()).value_or(kNoLockClass);
}

bool Lockdep::validate_chain(const HeldLocks& task, const HeldLock& next) {
  RawSpinlockGuard guard(lock_);
  if (!enabled()) return false;  // turned off while we waited for the lock
  if (!check_recursion_locked(task, next)) return false;
  if (!add_dependencies_locked(task, next)) return false;
  if (chains_.insert(next.chain_key)) return true;
  report_limit("MAX_LOCKDEP_CHAINS", limits_.chains);
  return false;
}

// Two locks of one class could be one lock, or be taken in the other order: only readers that do
// not wait for each other may nest.
bool Lockdep::check_recursion_locked(const HeldLocks& task, const HeldLock& next) {
  for (const HeldLock& held : task.entries()) {
    if (held.checker != this || held.class_id != next.class_id) continue;
    if (next.mode == ReadMode::kRecursiveRead && held.mode != ReadMode::kWrite) continue;
    if (!turn_off()) return false;
    const StackTrace trace = StackTrace::capture(next.acquire_ip);
    report(recursive_report({classes_, this, task, trace}, next, held));
    return false;
  }
  return true;
}

// An edge from each held lock, newest first, down to one that was waited for non-recursively: all
// below it have a strong path to it, hence through it to `next`. (The kernel stops at recursive
// readers too, and so never learns what was held around them.)
bool Lockdep::add_dependencies_locked(const HeldLocks& task, const HeldLock& next) {
  const StackTrace trace = StackTrace::capture(next.acquire_ip);
  for (size_t i = task.depth(); i > 0; --i) {
    const HeldLock& held = task.entries()[i - 1];
    if (held.checker != this) continue;
    if (held.class_id != next.class_id && !add_dependency_locked(task, held, next, trace)) {
      return false;
    }
    if (!held.trylock && held.mode != ReadMode::kRecursiveRead) break;
  }
  return true;
}

bool Lockdep::add_dependency_locked(const HeldLocks& task, const HeldLock& held,
                                    const HeldLock& next, const StackTrace& trace) {
  const EdgeKind kind = edge_kind(held, next);
  if (graph_.has_edge(held.class_id, next.class_id, kind)) return true;
  const auto path = graph_.find_closed_path(next.class_id, held.class_id, kind);
  if (!path.empty()) {
    if (turn_off()) report(circular_report({classes_, this, task, trace}, next, held, path));
    return false;
  }
  if (graph_.add_edge(held.class_id, next.class_id, kind, trace)) return true;
  report_limit("MAX_LOCKDEP_ENTRIES", limits_.edges);
  return false;
}

void Lockdep::report(const std::string& text) {
  reports_.fetch_add(1, std::memory_order_relaxed);
  sink_.report(text);
}

void Lockdep::report_limit(const char* name, size_t limit) {
  if (turn_off()) sink_.report(limit_report(name, limit));
}

// The text is made outside the lock: making it allocates, and the allocator may take checked locks.
std::string Lockdep::stats() const {
  StatsValues values{.max_classes = limits_.classes,
                     .max_edges = limits_.edges,
                     .chains = chains_.size(),
                     .max_chains = limits_.chains,
                     .max_depth = max_depth_.load(std::memory_order_relaxed),
                     .enabled = enabled()};
  {
    RawSpinlockGuard guard(lock_);
    values.classes = classes_.size();
    values.edges = graph_.edge_count();
  }
  return stats_text(values);
}

}  // namespace ring3::lockdep
