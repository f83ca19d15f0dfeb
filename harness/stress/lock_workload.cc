#include "harness/stress/lock_workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "harness/base/any_lock.h"

namespace ring3::harness {
namespace {

constexpr size_t kLocks = 12;
constexpr size_t kDeepestNest = 4;

// One class a rank: the order in which a nest may take them.
constexpr std::array<lockdep::LockClassKey, kLocks> kKeys{{{"stress->rank00"},
                                                           {"stress->rank01"},
                                                           {"stress->rank02"},
                                                           {"stress->rank03"},
                                                           {"stress->rank04"},
                                                           {"stress->rank05"},
                                                           {"stress->rank06"},
                                                           {"stress->rank07"},
                                                           {"stress->rank08"},
                                                           {"stress->rank09"},
                                                           {"stress->rank10"},
                                                           {"stress->rank11"}}};
constexpr lockdep::LockClassKey kAbbaKeyA{"canary->A"};
constexpr lockdep::LockClassKey kAbbaKeyB{"canary->B"};

// Outer locks sleep, inner ones spin: a spinlock's holder must not go to sleep.
AnyLock::Kind kind_of(size_t rank) {
  if (rank < kLocks / 3) return AnyLock::Kind::kMutex;
  return rank < 2 * kLocks / 3 ? AnyLock::Kind::kRwLock : AnyLock::Kind::kSpinlock;
}

// A lock and what it guards: the counters' equality is the proof.
class GuardedPair {
 public:
  GuardedPair(lockdep::Lockdep& lockdep, size_t rank)
      : lock_(kind_of(rank), lockdep, kKeys[rank]) {}

  bool can_share() const { return lock_.can_share(); }
  void acquire(bool shared) { lock_.acquire(shared); }
  void release(bool shared) { lock_.release(shared); }

  // With the lock held, shared or not.
  bool balanced() const { return first_ == second_; }
  // With the lock held exclusively.
  void increment() {
    ++first_;
    // Between the two, a thread that should be locked out would see them differ.
    asm volatile("" ::: "memory");
    ++second_;
  }
  uint64_t count() const { return first_; }

 private:
  AnyLock lock_;
  uint64_t first_ = 0;
  uint64_t second_ = 0;
};

class LockWorkload final : public Workload {
 public:
  LockWorkload(lockdep::Lockdep& lockdep, bool plant_abba)
      : canary_a_(&lockdep, kAbbaKeyA), canary_b_(&lockdep, kAbbaKeyB), plant_abba_(plant_abba) {
    for (size_t rank = 0; rank < kLocks; ++rank) pairs_.emplace_back(lockdep, rank);
  }

  std::unique_ptr<Worker> make_worker(Prng prng, WorkerStats& stats) override;
  void finish(WorkerStats& stats) override;

 private:
  class Nester;
  // Both orders, one after the other, by one thread: what two threads could deadlock over.
  void take_both_orders();

  std::deque<GuardedPair> pairs_;
  std::atomic<uint64_t> increments_{0};  // of all workers that have retired
  lockdep::Mutex canary_a_;
  lockdep::Mutex canary_b_;
  const bool plant_abba_;
  std::atomic_flag planted_;
};

class LockWorkload::Nester final : public Worker {
 public:
  Nester(LockWorkload& workload, Prng prng, WorkerStats& stats)
      : workload_(workload), prng_(prng), stats_(stats) {}

  void operate() override {
    // A random nest, in the order of the ranks.
    struct Hold {
      GuardedPair* pair;
      bool shared;
    };
    std::array<Hold, kDeepestNest> nest;
    size_t depth = 0;
    const size_t wanted = prng_.between(1, kDeepestNest);
    for (size_t rank = prng_.below(kLocks); rank < kLocks && depth < wanted;
         rank += prng_.between(1, 3)) {
      GuardedPair& pair = workload_.pairs_[rank];
      const bool shared = pair.can_share() && prng_.chance(3, 4);
      pair.acquire(shared);
      nest[depth++] = {&pair, shared};
    }
    bool balanced = true;
    for (size_t i = 0; i < depth; ++i) {
      balanced &= nest[i].pair->balanced();
      if (!nest[i].shared) {
        nest[i].pair->increment();
        ++increments_;
      }
    }
    // Released from the inside out, or, now and then, in any order.
    if (prng_.chance(1, 8)) std::swap(nest[0], nest[prng_.below(depth)]);
    while (depth-- > 0) nest[depth].pair->release(nest[depth].shared);

    if (balanced) {
      ++stats_.verified;
    } else {
      stats_.error("two threads were inside one lock at the same time");
    }
  }

  void retire() override {
    workload_.increments_.fetch_add(increments_, std::memory_order_relaxed);
  }

 private:
  LockWorkload& workload_;
  Prng prng_;
  WorkerStats& stats_;
  uint64_t increments_ = 0;
};

std::unique_ptr<Worker> LockWorkload::make_worker(Prng prng, WorkerStats& stats) {
  if (plant_abba_ && !planted_.test_and_set()) take_both_orders();
  return std::make_unique<Nester>(*this, prng, stats);
}

void LockWorkload::take_both_orders() {
  {
    lockdep::MutexGuard a(canary_a_);
    lockdep::MutexGuard b(canary_b_);
  }
  lockdep::MutexGuard b(canary_b_);
  lockdep::MutexGuard a(canary_a_);
}

void LockWorkload::finish(WorkerStats& stats) {
  uint64_t counted = 0;
  for (const GuardedPair& pair : pairs_) counted += pair.count();
  const uint64_t made = increments_.load(std::memory_order_relaxed);
  if (counted == made) {
    ++stats.verified;
  } else {
    stats.error(fmt::format("{} increments under locks, but the counters hold {}", made, counted));
  }
}

}  // namespace

std::unique_ptr<Workload> make_lock_workload(Machine& machine, bool plant_abba) {
  return std::make_unique<LockWorkload>(machine.lockdep(), plant_abba);
}

}  // namespace ring3::harness
