#pragma once

// A task that crashes, or loops without a schedule point, ends its simulation, not the program.

#include <csignal>
#include <cstddef>
#include <vector>

namespace ring3::harness {

// While it lives, a SIGSEGV, SIGBUS, SIGILL or SIGFPE of a simulated task ends its run as a failure
// that names the signal, and so does a second of CPU time in which no step is taken: a list that
// has become a ring has no schedule point. A crash outside a simulation does what it did before.
// Where ASan watches it says more than we could, and this does nothing (asan_at_death does).
class CrashTrap {
 public:
  CrashTrap();
  ~CrashTrap();
  CrashTrap(const CrashTrap&) = delete;
  CrashTrap& operator=(const CrashTrap&) = delete;

 private:
  std::vector<std::byte> stack_;
  stack_t stack_before_{};
  std::vector<struct sigaction> before_;
};

}  // namespace ring3::harness
