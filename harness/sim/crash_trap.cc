#include "harness/sim/crash_trap.h"

#include <array>
#include <cstdio>

#include "lib/asan.h"
#include "lib/cpu/schedule.h"

namespace ring3::harness {
namespace {

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

}  // namespace

CrashTrap::CrashTrap() {
#ifndef RING3_ASAN
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
#endif
}

CrashTrap::~CrashTrap() {
  if (before_.empty()) return;
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  sigaltstack(&stack_before_, nullptr);
}

}  // namespace ring3::harness
