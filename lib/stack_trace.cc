#include "lib/stack_trace.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>

#include <cstdlib>
#include <cstring>

#include "lib/os.h"

namespace ring3 {

#ifdef __clang__
#define RING3_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "memory", "undefined")))
#else
#define RING3_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))
#endif

// Not instrumented: it reads the words between the frames of other functions.
RING3_NO_SANITIZE StackTrace StackTrace::capture() {
  struct Frame {
    const Frame* caller;
    uintptr_t return_address;
  };
  const os::StackBounds stack = os::thread_stack();
  StackTrace trace;
  const auto* frame = static_cast<const Frame*>(__builtin_frame_address(0));
  while (trace.count_ < kMaxFrames) {
    const auto at = reinterpret_cast<uintptr_t>(frame);
    if (at < stack.low || at > stack.high - sizeof(Frame) || at % alignof(Frame) != 0) break;
    if (frame->return_address == 0) break;
    trace.frames_[trace.count_++] = frame->return_address;
    if (frame->caller <= frame) break;  // stacks grow down: a caller's frame lies higher
    frame = frame->caller;
  }
  return trace;
}

size_t describe_address(uintptr_t address, std::span<char> out) {
  Dl_info info{};
  void* symbol_entry = nullptr;
  const bool known =
      dladdr1(reinterpret_cast<void*>(address), &info, &symbol_entry, RTLD_DL_SYMENT) != 0;
  int length;
  if (known && info.dli_sname != nullptr) {
    const auto* symbol = static_cast<const ElfW(Sym)*>(symbol_entry);
    char* demangled = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, nullptr);
    const char* name = demangled != nullptr ? demangled : info.dli_sname;
    const char* arguments = std::strchr(name, '(');
    const int name_length = static_cast<int>(arguments != nullptr && arguments != name
                                                 ? static_cast<size_t>(arguments - name)
                                                 : std::strlen(name));
    const uintptr_t offset = address - reinterpret_cast<uintptr_t>(info.dli_saddr);
    length = std::snprintf(out.data(), out.size(), "%.*s+%#zx/%#zx", name_length, name,
                           static_cast<size_t>(offset), static_cast<size_t>(symbol->st_size));
    std::free(demangled);
  } else if (known && info.dli_fname != nullptr) {
    const char* slash = std::strrchr(info.dli_fname, '/');
    length = std::snprintf(
        out.data(), out.size(), "%s+%#zx", slash != nullptr ? slash + 1 : info.dli_fname,
        static_cast<size_t>(address - reinterpret_cast<uintptr_t>(info.dli_fbase)));
  } else {
    length = std::snprintf(out.data(), out.size(), "%#zx", static_cast<size_t>(address));
  }
  const auto written = static_cast<size_t>(length);
  return written < out.size() ? written : out.size() - 1;
}

void StackTrace::print(std::FILE* out) const {
  for (const uintptr_t address : frames()) {
    char symbol[160];
    describe_address(address, symbol);
    std::fprintf(out, " [<%#zx>] %s\n", static_cast<size_t>(address), symbol);
  }
}

}  // namespace ring3
