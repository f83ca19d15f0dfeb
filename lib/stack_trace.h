#pragma once

// Stacks for reports: captured by walking frame pointers, which every build of ring3 keeps, so a
// capture takes tens of nanoseconds and calls nothing that could take a lock or allocate.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

namespace ring3 {

class StackTrace {
 public:
  static constexpr size_t kMaxFrames = 16;

  // The return addresses of the caller and its callers, innermost first; with `first`, a call site
  // among them, from that one on, so that a report begins with who called the reporter and not with
  // its insides. Stops at the first frame that lies outside this thread's stack: code built without
  // frame pointers ends the trace early but never makes it fault.
  static StackTrace capture(uintptr_t first = 0) __attribute__((noinline));

  std::span<const uintptr_t> frames() const { return {frames_.data(), count_}; }

  // One frame a line, " [<0x…>] symbol+0x12/0x40", as the kernel prints a call trace.
  void print(std::FILE* out) const;

 private:
  std::array<uintptr_t, kMaxFrames> frames_{};
  size_t count_ = 0;
};

// Writes the "symbol+0xoffset/0xsize" that the call which returns to `site` lies in, demangled,
// into `out` as a string, static functions too; where the file has no symbol for it
// "program+0xoffset", which addr2line takes; without even a file the bare address. Returns its
// length. For reports: reads the symbol tables with libdw where that is installed, takes a lock and
// calls malloc.
size_t describe_address(uintptr_t site, std::span<char> out);
// The same as a string; "nowhere" for 0.
std::string describe_address(uintptr_t site);
// The same of each frame, a line each, as the kernel prints the entries of a stack.
std::string describe_stack(std::span<const uintptr_t> frames);

// The place in the program that the call which returns to `site` stands at; "?" and 0 where the
// file does not say. As costly as describe_address().
struct SourceLine {
  std::string file;
  int line = 0;
  std::string function;  // demangled, without its arguments
};
SourceLine source_line(uintptr_t site);

}  // namespace ring3

// The address this function returns to: what the kernel calls _RET_IP_ or call_site.
#define RING3_CALL_SITE() (reinterpret_cast<uintptr_t>(__builtin_return_address(0)))
