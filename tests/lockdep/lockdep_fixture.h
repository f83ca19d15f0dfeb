#pragma once

// What the tests of lockdep share: a checker whose reports are kept, and simulated tasks, so that
// one thread plays the two sides of a deadlock.

#include <memory>
#include <string>
#include <string_view>

#include "lockdep/lockdep.h"
#include "tests/recording_sink.h"

namespace ring3::lockdep {

struct LockdepFixture {
  explicit LockdepFixture(const Limits& limits = {}) {
    auto created = Lockdep::create(sink, limits);
    CHECK(created.ok());
    checker = std::move(*created);
  }

  // The report that must be the only one, or "" for none.
  std::string only_report() const {
    CHECK_LE(sink.count(), 1u);
    return sink.last_raw();
  }
  bool reported(std::string_view part) const {
    return only_report().find(part) != std::string::npos;
  }

  test::RecordingSink sink;
  std::unique_ptr<Lockdep> checker;
};

// One simulated thread. Its addresses are made up, so that reports name none of ours.
class LockingTask {
 public:
  explicit LockingTask(Lockdep& checker) : checker_(checker) {}

  void lock(LockMap& map) { checker_.acquire(held, map, ReadMode::kWrite, kIp); }
  void read_lock(LockMap& map) { checker_.acquire(held, map, ReadMode::kRecursiveRead, kIp); }
  void queued_read_lock(LockMap& map) { checker_.acquire(held, map, ReadMode::kRead, kIp); }
  void try_lock(LockMap& map) { checker_.try_acquired(held, map, ReadMode::kWrite, kIp); }
  void try_read_lock(LockMap& map) {
    checker_.try_acquired(held, map, ReadMode::kRecursiveRead, kIp);
  }
  void unlock(LockMap& map) { checker_.release(held, map, kIp); }

  // Takes both to write, in this order, and lets go of both.
  void nest(LockMap& outer, LockMap& inner) {
    lock(outer);
    lock(inner);
    unlock(inner);
    unlock(outer);
  }

  HeldLocks held;

 private:
  static constexpr uintptr_t kIp = 0x1000;
  Lockdep& checker_;
};

inline constexpr LockClassKey kKeyA{"A"};
inline constexpr LockClassKey kKeyB{"B"};
inline constexpr LockClassKey kKeyC{"C"};
inline constexpr LockClassKey kKeyD{"D"};

// Locks A to D of a class each, a second one of class A and one of its subclass 1.
struct LocksFixture : LockdepFixture {
  LockMap a{checker.get(), kKeyA, 0, WaitType::kSpin};
  LockMap a2{checker.get(), kKeyA, 0, WaitType::kSpin};
  LockMap a_sub{checker.get(), kKeyA, 1, WaitType::kSpin};
  LockMap b{checker.get(), kKeyB, 0, WaitType::kSpin};
  LockMap c{checker.get(), kKeyC, 0, WaitType::kSleep};
  LockMap d{checker.get(), kKeyD, 0, WaitType::kSpin};
  LockingTask task{*checker};
};

inline constexpr std::string_view kCircular = "WARNING: possible circular locking dependency";
inline constexpr std::string_view kRecursive = "WARNING: possible recursive locking";
inline constexpr std::string_view kBalance = "WARNING: bad unlock balance";

}  // namespace ring3::lockdep
