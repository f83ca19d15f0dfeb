// The checker against a brute-force model: simulated tasks take, try and release locks as the
// input says, and after each step the checker must have reported exactly what the model finds.
//
// Two bytes a step. First: bits 0-1 task, bits 2-4 what to do, bit 7 the second lock of a class;
// second: the lock, or which of the held ones to release.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "lib/check.h"
#include "lockdep/lockdep.h"
#include "tests/lockdep/order_model.h"
#include "tests/recording_sink.h"

namespace ring3::lockdep {
namespace {

constexpr size_t kTasks = 4;
constexpr size_t kLocks = 2 * OrderModel::kClasses;
constexpr size_t kMaxSteps = 2048;
constexpr uintptr_t kIp = 0x1000;

struct Acquire {
  size_t task;
  size_t lock;
  ReadMode mode;
};
struct TryAcquire {
  size_t task;
  size_t lock;
  ReadMode mode;
};
// Of one that the task holds, by its place.
struct ReleaseHeld {
  size_t task;
  size_t place;
};
// Of any lock, held or not.
struct ReleaseAny {
  size_t task;
  size_t lock;
};
using Operation = std::variant<Acquire, TryAcquire, ReleaseHeld, ReleaseAny>;

Operation decode(uint8_t what, uint8_t which) {
  const size_t task = what % kTasks;
  const size_t lock =
      which % OrderModel::kClasses + ((what & 0x80) != 0 ? OrderModel::kClasses : 0);
  switch (what >> 2 & 7) {
    case 0:
      return Acquire{task, lock, ReadMode::kWrite};
    case 1:
      return Acquire{task, lock, ReadMode::kRecursiveRead};
    case 2:
      return Acquire{task, lock, ReadMode::kRead};
    case 3:
      return TryAcquire{task, lock, ReadMode::kWrite};
    case 4:
      return TryAcquire{task, lock, ReadMode::kRecursiveRead};
    case 5:
      // Rare, since it usually ends the run: a release that is likely to be wrong.
      if ((which & 0xf0) == 0xf0) return ReleaseAny{task, lock};
      [[fallthrough]];
    default:
      return ReleaseHeld{task, which};
  }
}

class Machine {
 public:
  Machine() {
    auto created = Lockdep::create(sink_, {.classes = 8, .edges = 128, .chains = kMaxSteps});
    CHECK(created.ok());
    checker_ = std::move(*created);
    for (size_t i = 0; i < kLocks; ++i) {
      locks_[i].emplace(checker_.get(), kKeys[i % OrderModel::kClasses], 0u, WaitType::kSpin);
    }
  }

  // False when the checker has turned itself off, as it should have.
  bool perform(const Operation& operation) {
    const Verdict verdict = std::visit([this](const auto& op) { return run(op); }, operation);
    check_verdict(verdict);
    check_held();
    return checker_->enabled();
  }

 private:
  using Verdict = TaskModel::Verdict;
  struct Task {
    HeldLocks held;
    TaskModel model;
  };

  static TaskModel::Held to_hold(size_t lock, ReadMode mode) {
    return {lock, lock % OrderModel::kClasses, mode};
  }

  Verdict run(const Acquire& op) {
    Task& task = tasks_[op.task];
    if (task.held.full()) return Verdict::kFine;
    checker_->acquire(task.held, *locks_[op.lock], op.mode, kIp);
    return task.model.acquire(order_, to_hold(op.lock, op.mode));
  }
  Verdict run(const TryAcquire& op) {
    Task& task = tasks_[op.task];
    if (task.held.full()) return Verdict::kFine;
    checker_->try_acquired(task.held, *locks_[op.lock], op.mode, kIp);
    task.model.try_acquired(to_hold(op.lock, op.mode));
    return Verdict::kFine;
  }
  Verdict run(const ReleaseHeld& op) {
    const auto& held = tasks_[op.task].model.held();
    if (held.empty()) return Verdict::kFine;
    return run(ReleaseAny{op.task, held[op.place % held.size()].lock});
  }
  Verdict run(const ReleaseAny& op) {
    Task& task = tasks_[op.task];
    checker_->release(task.held, *locks_[op.lock], kIp);
    return task.model.release(op.lock);
  }

  void check_verdict(Verdict verdict) const {
    CHECK_EQ(checker_->reports(), verdict == Verdict::kFine ? 0u : 1u);
    CHECK_EQ(checker_->enabled(), verdict == Verdict::kFine);
    CHECK(sink_.last_raw().find(title(verdict)) != std::string::npos);
    CHECK_EQ(sink_.count(), verdict == Verdict::kFine ? 0u : 1u);
  }

  static std::string_view title(Verdict verdict) {
    switch (verdict) {
      case Verdict::kFine:
        return "";
      case Verdict::kRecursive:
        return "WARNING: possible recursive locking detected";
      case Verdict::kCircular:
        return "WARNING: possible circular locking dependency detected";
      case Verdict::kUnbalanced:
        return "WARNING: bad unlock balance detected!";
    }
    return "";
  }

  // The checker's list of held locks is the model's.
  void check_held() const {
    for (const Task& task : tasks_) {
      const auto& expected = task.model.held();
      CHECK_EQ(task.held.depth(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        CHECK_EQ(task.held.entries()[i].instance, &*locks_[expected[i].lock]);
        CHECK(task.held.entries()[i].mode == expected[i].mode);
      }
    }
  }

  static constexpr LockClassKey kKeys[OrderModel::kClasses] = {{"A"}, {"B"}, {"C"}, {"D"}, {"E"}};

  test::RecordingSink sink_;
  std::unique_ptr<Lockdep> checker_;
  std::array<std::optional<LockMap>, kLocks> locks_;
  std::array<Task, kTasks> tasks_;
  OrderModel order_;
};

}  // namespace
}  // namespace ring3::lockdep

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ring3::lockdep;
  Machine machine;
  const std::span<const uint8_t> input(data, size);
  for (size_t i = 0; i + 1 < input.size() && i / 2 < kMaxSteps; i += 2) {
    if (!machine.perform(decode(input[i], input[i + 1]))) break;
  }
  return 0;
}
