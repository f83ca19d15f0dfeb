#pragma once

// What the tests of lockdep share: a sink that keeps its reports, a checker that writes to it, and
// simulated tasks, so that one thread plays the two sides of a deadlock.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lockdep/lockdep.h"

namespace ring3::lockdep {

struct KeepingSink final : ReportSink {
  void report(std::string_view text) override { texts.emplace_back(text); }
  std::vector<std::string> texts;
};

struct LockdepFixture {
  explicit LockdepFixture(const Limits& limits = {}) {
    auto created = Lockdep::create(sink, limits);
    CHECK(created.ok());
    checker = std::move(*created);
  }

  // The report that must be the only one, or "" for none.
  std::string only_report() const {
    CHECK_LE(sink.texts.size(), 1u);
    return sink.texts.empty() ? std::string() : sink.texts[0];
  }
  bool reported(std::string_view part) const {
    return only_report().find(part) != std::string::npos;
  }

  KeepingSink sink;
  std::unique_ptr<Lockdep> checker;
};

// One simulated thread. Its addresses are made up, so that reports name none of ours.
class Task {
 public:
  explicit Task(Lockdep& checker) : checker_(checker) {}

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
  Task task{*checker};
};

inline constexpr std::string_view kCircular = "WARNING: possible circular locking dependency";
inline constexpr std::string_view kRecursive = "WARNING: possible recursive locking";
inline constexpr std::string_view kBalance = "WARNING: bad unlock balance";

}  // namespace ring3::lockdep
