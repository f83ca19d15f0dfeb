// The checked locks: never two inside, nobody left asleep, everything that the last holder wrote is
// there, and the checker, whose classes are new in each run, accuses nobody. Nests are in the order
// of the numbers, so no two tasks wait for each other.

#include <array>

#include "harness/base/any_lock.h"
#include "harness/hunt/all_targets.h"
#include "harness/hunt/report_trap.h"
#include "lockdep/lockdep.h"

namespace ring3::harness {
namespace {

constexpr uint32_t kLocks = 6;
constexpr std::array<lockdep::LockClassKey, kLocks> kKeys{
    {{"mutex0"}, {"mutex1"}, {"rwlock0"}, {"rwlock1"}, {"spin0"}, {"spin1"}}};

enum Kind : uint32_t { kHold, kRead, kTry, kNest };
constexpr OpInfo kOps[] = {{"hold", 1, {kLocks}},
                           {"read", 1, {kLocks}},
                           {"try", 1, {kLocks}},
                           {"nest", 2, {kLocks, kLocks}}};
constexpr uint32_t kWeights[] = {4, 3, 1, 2};

constexpr std::string_view kNamed[] = {
    // Three on one mutex: one who sleeps must be woken although another did too.
    "cpus 3\ntask 0\nhold 0\nhold 0\ntask 1\nhold 0\ntask 2\nhold 0\n",
    // Readers against a writer.
    "cpus 3\ntask 0\nread 2\nread 2\ntask 1\nread 2\ntask 2\nhold 2\n",
    // One class is registered by two at once.
    "cpus 2\ntask 0\nnest 4 5\ntask 1\nnest 4 5\n",
    "cpus 2\ntask 0\nhold 4\ntry 4\ntask 1\nhold 4\ntry 4\n",
};

AnyLock::Kind kind_of(uint32_t number) {
  if (number < 2) return AnyLock::Kind::kMutex;
  return number < 4 ? AnyLock::Kind::kRwLock : AnyLock::Kind::kSpinlock;
}

// A lock, and who has been inside.
class Room {
 public:
  Room(lockdep::Lockdep& checker, uint32_t number)
      : lock_(kind_of(number), checker, kKeys[number]) {}

  bool can_share() const { return lock_.can_share(); }

  void enter(World& world, bool shared) {
    lock_.acquire(shared);
    check_in(world, shared);
  }
  bool try_enter(World& world) {
    const bool entered = lock_.try_acquire();
    if (entered) check_in(world, false);
    return entered;
  }
  void leave(World& world, bool shared) {
    (shared ? readers_ : writers_) -= 1;
    if (shared) {
      read_.push_back(world.stamp());
    } else {
      written_ = world.stamp();
      read_.clear();
      ever_written_ = true;
    }
    lock_.release(shared);
  }

 private:
  void check_in(World& world, bool shared) {
    (shared ? readers_ : writers_) += 1;
    if (writers_ > 1 || (writers_ == 1 && readers_ > 0)) world.fail("two are inside one lock");
    if (ever_written_ && !world.ordered_after(written_)) {
      world.fail("inside before the last holder's writes are visible");
    }
    if (shared) return;
    for (const Stamp& read : read_) {
      if (!world.ordered_after(read)) world.fail("a writer is inside before a reader is out");
    }
  }

  AnyLock lock_;
  int writers_ = 0;
  int readers_ = 0;
  bool ever_written_ = false;
  Stamp written_;
  std::vector<Stamp> read_;  // since
};

class LockTarget final : public Target {
 public:
  LockTarget() : checker_(std::move(lockdep::Lockdep::create(trap_, kLimits).value())) {
    for (uint32_t number = 0; number < kLocks; ++number) {
      rooms_[number] = std::make_unique<Room>(*checker_, number);
    }
  }

  void run(World& world, uint32_t, const Op& op) override {
    Room& room = *rooms_[op.numbers[0]];
    const bool shared = op.kind == kRead && room.can_share();
    if (op.kind == kTry) {
      if (!room.try_enter(world)) return;
    } else {
      room.enter(world, shared);
    }
    world.yield();
    if (op.kind == kNest && op.numbers[1] > op.numbers[0]) {
      Room& inner = *rooms_[op.numbers[1]];
      inner.enter(world, false);
      world.yield();
      inner.leave(world, false);
    }
    room.leave(world, shared);
  }

  void finish(World& world) override {
    if (trap_.count() != 0) world.fail("the checker accuses a safe program: " + trap_.first());
  }

 private:
  static constexpr lockdep::Limits kLimits{.classes = 64, .edges = 64, .chains = 64};
  ReportTrap trap_;
  std::unique_ptr<lockdep::Lockdep> checker_;
  std::array<std::unique_ptr<Room>, kLocks> rooms_;
};

}  // namespace

constinit const TargetInfo kLockTarget{
    .name = "lock",
    .about = "mutexes, rwlocks and spinlocks with their checker",
    .ops = kOps,
    .weights = kWeights,
    .named = kNamed,
    .make = [](World&, const Scenario&) -> std::unique_ptr<Target> {
      return std::make_unique<LockTarget>();
    }};

}  // namespace ring3::harness
