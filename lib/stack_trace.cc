#include "lib/stack_trace.h"

#include "lib/os.h"

namespace ring3 {

#ifdef __clang__
#define RING3_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "memory", "undefined")))
#else
#define RING3_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

// Not instrumented: it reads the words between the frames of other functions.
RING3_NO_SANITIZE StackTrace StackTrace::capture(uintptr_t first) {
  struct Frame {
    const Frame* caller;
    uintptr_t return_address;
  };
  const os::StackBounds stack = os::thread_stack();
  StackTrace trace;
  const auto* frame = static_cast<const Frame*>(__builtin_frame_address(0));
  bool seen = first == 0;
  while (trace.count_ < kMaxFrames || !seen) {
    const auto at = reinterpret_cast<uintptr_t>(frame);
    if (at < stack.low || at > stack.high - sizeof(Frame) || at % alignof(Frame) != 0) break;
    if (frame->return_address == 0) break;
    // All of what lies below the first one asked for gives way to it.
    if (frame->return_address == first && !seen) {
      trace.count_ = 0;
      seen = true;
    }
    if (trace.count_ < kMaxFrames) trace.frames_[trace.count_++] = frame->return_address;
    if (frame->caller <= frame) break;  // stacks grow down: a caller's frame lies higher
    frame = frame->caller;
  }
  return trace;
}

void StackTrace::print(std::FILE* out) const {
  for (const uintptr_t address : frames()) {
    char symbol[160];
    describe_address(address, symbol);
    std::fprintf(out, " [<%#zx>] %s\n", static_cast<size_t>(address), symbol);
  }
}

}  // namespace ring3
