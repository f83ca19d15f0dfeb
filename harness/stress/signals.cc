#include "harness/stress/signals.h"

#include <signal.h>

#include <initializer_list>

namespace ring3::harness {
namespace {

sigset_t taken_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, number);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = taken_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

Signal wait_for_signal(Nanos timeout) {
  const sigset_t set = taken_signals();
  const timespec limit{timeout / seconds(1), timeout.value() % seconds(1).value()};
  switch (sigtimedwait(&set, nullptr, &limit)) {
    case SIGINT:
    case SIGTERM:
    case SIGHUP:
      return Signal::kStop;
    case SIGUSR1:
      return Signal::kDump;
    default:
      return Signal::kNone;
  }
}

}  // namespace ring3::harness
