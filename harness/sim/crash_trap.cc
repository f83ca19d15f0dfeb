#include "harness/sim/crash_trap.h"

#include <sys/time.h>

#include <array>
#include <cstdio>
#include <utility>

#include "harness/sim/world.h"

#include "lib/asan.h"
#include "lib/cpu/schedule.h"

namespace ring3::harness {
namespace {

#ifdef RING3_ASAN
constexpr bool kAsanWatches = true;
#else
constexpr bool kAsanWatches = false;
#endif

constexpr std::array<int, 4> kSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE};

// On a stack of its own, which is left when the run ends: nothing of it is needed again. Not nested
// in another signal's handler, and from code that may hold the lock of malloc only if that is what
// crashed.
void trap(int number) {
  char why[32];
  std::snprintf(why, sizeof why, "crashed by signal %d", number);
  if (schedule::simulated()) schedule::scheduler->give_up(why);
  struct sigaction end {};
  end.sa_handler = SIG_DFL;
  sigaction(number, &end, nullptr);
}

// Twice in a row without a step between: more than any step takes.
void look_for_steps(int) {
  static uint64_t seen = 0;
  static bool stood_still = false;
  const uint64_t steps = World::steps_ever();
  const bool stands_still = steps == seen;
  seen = steps;
  if (!std::exchange(stood_still, stands_still) || !stands_still) return;
  stood_still = false;
  if (schedule::simulated()) schedule::scheduler->give_up("loops without a schedule point");
}

void tick_every(suseconds_t microseconds) {
  const itimerval every{.it_interval = {0, microseconds}, .it_value = {0, microseconds}};
  setitimer(ITIMER_VIRTUAL, &every, nullptr);
}

}  // namespace

CrashTrap::CrashTrap() {
  if (kAsanWatches) return;
  stack_.resize(size_t{64} << 10);
  stack_t stack{};
  stack.ss_sp = stack_.data();
  stack.ss_size = stack_.size();
  sigaltstack(&stack, &stack_before_);
  struct sigaction action {};
  action.sa_handler = trap;
  // The signal stays deliverable, since the handler may be left for good.
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  for (const int number : kSignals) {
    before_.emplace_back();
    sigaction(number, &action, &before_.back());
  }
  action.sa_handler = look_for_steps;
  before_.emplace_back();
  sigaction(SIGVTALRM, &action, &before_.back());
  tick_every(500'000);
}

CrashTrap::~CrashTrap() {
  if (before_.empty()) return;
  tick_every(0);
  sigaction(SIGVTALRM, &before_.back(), nullptr);
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  sigaltstack(&stack_before_, nullptr);
}

}  // namespace ring3::harness
