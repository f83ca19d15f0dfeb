#include "mm/pages/reclaim.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lib/cpu/task.h"

namespace ring3::mm {
namespace {

constexpr lockdep::LockClassKey kShrinkerLockKey{"shrinker_mutex"};
constexpr lockdep::LockClassKey kOomLockKey{"oom_lock"};

constexpr unsigned kDefPriority = 12;  // DEF_PRIORITY
constexpr uint64_t kSeeks = 2;         // DEFAULT_SEEKS: what it costs to have a page back

}  // namespace

Reclaim::Reclaim(lockdep::Lockdep* lockdep, OutOfMemory out_of_memory)
    : lock_(lockdep, kShrinkerLockKey),
      oom_lock_(lockdep, kOomLockKey),
      out_of_memory_(std::move(out_of_memory)) {}

Status Reclaim::add(Shrinker& shrinker) {
  lockdep::MutexGuard guard(lock_);
  const auto slot = std::ranges::find(shrinkers_, nullptr);
  if (slot == shrinkers_.end()) {
    return Error{Errc::kNoResource, fmt::format("there are {} shrinkers already", kMaxShrinkers)};
  }
  *slot = &shrinker;
  registered_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

void Reclaim::remove(Shrinker& shrinker) {
  lockdep::MutexGuard guard(lock_);
  const auto slot = std::ranges::find(shrinkers_, &shrinker);
  if (slot == shrinkers_.end()) return;
  *slot = nullptr;
  registered_.fetch_sub(1, std::memory_order_relaxed);
}

PageCount Reclaim::count_locked() const {
  PageCount total{0};
  for (const Shrinker* shrinker : shrinkers_) {
    if (shrinker != nullptr) total += shrinker->count();
  }
  return total;
}

// One at a time, and the others wait, so that nobody is refused what is on its way back. A shrinker
// waits for nobody, so this ends; an interrupt handler, which may have interrupted the one who is
// at it, does not wait.
bool Reclaim::enter() {
  if (lock_.try_lock()) return true;
  if (Task::current().context() != Context::kTask) return false;
  lock_.lock();
  return true;
}

// Relaxed: who misses a shrinker that is being registered is refused as a moment ago.
Reclaim::Round Reclaim::round(PageCount wanted) {
  Round round;
  if (registered_.load(std::memory_order_relaxed) == 0 || !enter()) return round;
  if (count_locked() != PageCount(0)) {
    AllocScopeGuard scope(AllocScope::kMemalloc);
    for (unsigned priority = kDefPriority + 1; priority-- > 0 && round.reclaimed < wanted;) {
      for (Shrinker* shrinker : shrinkers_) {
        if (shrinker == nullptr) continue;
        const uint64_t count = shrinker->count().value();
        const PageCount part(std::min((count >> priority) * 4 / kSeeks, count));
        if (part == PageCount(0)) continue;
        round.scanned += part;
        round.reclaimed += shrinker->scan(part);
      }
    }
  }
  lock_.unlock();
  return round;
}

bool Reclaim::out_of_memory(Gfp gfp, Order order) {
  if (!out_of_memory_ || !oom_lock_.try_lock()) return false;
  const bool freed = out_of_memory_(gfp, order);
  oom_lock_.unlock();
  return freed;
}

}  // namespace ring3::mm
