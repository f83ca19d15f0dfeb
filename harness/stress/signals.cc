#include "harness/stress/signals.h"

#include <signal.h>
#include <unistd.h>

#include <cstring>

#include "harness/exit_code.h"
#include "lib/stack_trace.h"

namespace ring3::harness {
namespace {

sigset_t taken_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&set, number);
  return set;
}

const char* crash_command = "";

void write_text(const char* text) {
  // Nothing can be done about a failed write in a crash.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text, std::strlen(text));
}

// The stack is for the human and may fail a second time; then the default handler ends us.
void on_crash(int number) {
  write_text("ring3: crashed by signal ");
  const char digits[] = {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10),
                         '\n', '\0'};
  write_text(digits);
  write_text("ring3: replay with: ");
  write_text(crash_command);
  write_text("\n");
  StackTrace::capture().print(stderr);
  _exit(static_cast<int>(ExitCode::kCrash));
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
      return Signal::kStop;
    case SIGUSR1:
      return Signal::kDump;
    default:
      return Signal::kNone;
  }
}

void install_crash_handler(const std::string& command) {
  crash_command = command.c_str();
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
    struct sigaction current {};
    sigaction(number, nullptr, &current);
    if (current.sa_handler != SIG_DFL) continue;
    struct sigaction action {};
    action.sa_handler = on_crash;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(number, &action, nullptr);
  }
}

}  // namespace ring3::harness
