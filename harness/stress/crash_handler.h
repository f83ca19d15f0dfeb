#pragma once

// What a crash prints: the signal, the command that repeats its requests, and the stack as
// "program+0xoffset", which addr2line takes. It may come from anywhere, from inside malloc too, so
// nothing here allocates, takes a lock or asks for a symbol; a second thread that crashes waits; a
// watchdog ends it should it hang. The signal's default action follows, a core dump where the host
// makes one.

#include <array>
#include <cstddef>
#include <string>

namespace ring3::harness {

// From now on a crash prints `command`, which outlives the process. A handler that is installed
// already, a sanitizer's, stays.
void install_crash_handler(const std::string& command);

// While it lives, the handler has a stack of its own in this thread, so that a stack that overflows
// is a crash like any other. At the bottom of the thread's own stack.
class CrashStack {
 public:
  CrashStack();
  ~CrashStack();
  CrashStack(const CrashStack&) = delete;
  CrashStack& operator=(const CrashStack&) = delete;

 private:
  std::array<std::byte, size_t{16} << 10> memory_;
};

}  // namespace ring3::harness
