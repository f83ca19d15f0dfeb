#include "lib/stack_trace.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

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

namespace {

// What we use of libdw, loaded when the first report is made: who links ring3 need not link it, and
// where it is missing, exported functions still have names.
struct Libdw {
  decltype(&dwfl_begin) begin;
  decltype(&dwfl_linux_proc_find_elf) find_elf;
  decltype(&dwfl_report_begin) report_begin;
  decltype(&dwfl_linux_proc_report) report_process;
  decltype(&dwfl_report_end) report_end;
  decltype(&dwfl_addrmodule) module_at;
  decltype(&dwfl_module_addrinfo) symbol_at;
  decltype(&dwfl_module_getsrc) line_at;
  decltype(&dwfl_lineinfo) line_info;

  bool load() {
    void* library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    return library != nullptr && get(library, "dwfl_begin", begin) &&
           get(library, "dwfl_linux_proc_find_elf", find_elf) &&
           get(library, "dwfl_report_begin", report_begin) &&
           get(library, "dwfl_linux_proc_report", report_process) &&
           get(library, "dwfl_report_end", report_end) &&
           get(library, "dwfl_addrmodule", module_at) &&
           get(library, "dwfl_module_addrinfo", symbol_at) &&
           get(library, "dwfl_module_getsrc", line_at) && get(library, "dwfl_lineinfo", line_info);
  }

 private:
  template <class Function>
  static bool get(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
    return function != nullptr;
  }
};

// The files this process is made of, with their symbol tables. Made at the first question and kept:
// what is loaded later has no symbols here.
class Symbols {
 public:
  Symbols() {
    if (!libdw_.load()) return;
    static char* no_debug_path = nullptr;
    static const Dwfl_Callbacks kCallbacks{.find_elf = libdw_.find_elf,
                                           .find_debuginfo = no_debuginfo,
                                           .section_address = nullptr,
                                           .debuginfo_path = &no_debug_path};
    dwfl_ = libdw_.begin(&kCallbacks);
    if (dwfl_ == nullptr) return;
    libdw_.report_begin(dwfl_);
    libdw_.report_process(dwfl_, getpid());
    libdw_.report_end(dwfl_, nullptr, nullptr);
  }

  // A call site is where the call returns to, which for one that never does may be the next
  // function: the call itself is the byte before.
  size_t describe(uintptr_t site, std::span<char> out) {
    const uintptr_t address = site - 1;
    Dwfl_Module* module = dwfl_ == nullptr ? nullptr : libdw_.module_at(dwfl_, address);
    GElf_Off offset = 0;
    GElf_Sym symbol{};
    const char* name = module == nullptr ? nullptr
                                         : libdw_.symbol_at(module, address, &offset, &symbol,
                                                            nullptr, nullptr, nullptr);
    if (name != nullptr) return describe_symbol(name, offset + 1, symbol.st_size, out);
    return describe_exported(site, out);
  }

  void find_line(uintptr_t site, SourceLine& line) {
    Dwfl_Module* module = dwfl_ == nullptr ? nullptr : libdw_.module_at(dwfl_, site - 1);
    Dwfl_Line* found = module == nullptr ? nullptr : libdw_.line_at(module, site - 1);
    const char* file =
        found == nullptr ? nullptr
                         : libdw_.line_info(found, nullptr, &line.line, nullptr, nullptr, nullptr);
    line.file = file == nullptr ? "?" : file;
  }

 private:
  // What the file itself has is enough: no search for other files, least of all over the network.
  static int no_debuginfo(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*,
                          GElf_Word, char**) {
    return -1;
  }

  static size_t describe_symbol(const char* mangled, GElf_Off offset, size_t size,
                                std::span<char> out) {
    char* demangled = abi::__cxa_demangle(mangled, nullptr, nullptr, nullptr);
    const char* name = demangled != nullptr ? demangled : mangled;
    const size_t length = print(out, "%.*s+%#zx/%#zx", static_cast<int>(name_length(name)), name,
                                static_cast<size_t>(offset), size);
    std::free(demangled);
    return length;
  }

  // Without the arguments: up to the first bracket that is not inside a template's and does not
  // begin "(anonymous namespace)".
  static size_t name_length(const char* name) {
    constexpr const char* kAnonymous = "(anonymous namespace)";
    int depth = 0;
    const char* at = name;
    for (; *at != '\0'; ++at) {
      if (*at == '<') ++depth;
      if (*at == '>') --depth;
      if (*at != '(' || depth != 0 || at == name) continue;
      if (std::strncmp(at, kAnonymous, std::strlen(kAnonymous)) != 0) break;
    }
    return static_cast<size_t>(at - name);
  }

  __attribute__((format(printf, 2, 3))) static size_t print(std::span<char> out, const char* format,
                                                            ...) {
    va_list args;
    va_start(args, format);
    const auto length = static_cast<size_t>(std::vsnprintf(out.data(), out.size(), format, args));
    va_end(args);
    return length < out.size() ? length : out.size() - 1;
  }

  // What the dynamic linker knows: functions that are exported, and files.
  static size_t describe_exported(uintptr_t site, std::span<char> out) {
    Dl_info info{};
    void* entry = nullptr;
    if (dladdr1(reinterpret_cast<void*>(site - 1), &info, &entry, RTLD_DL_SYMENT) == 0) {
      return print(out, "%#zx", static_cast<size_t>(site));
    }
    if (info.dli_sname != nullptr) {
      const uintptr_t offset = site - reinterpret_cast<uintptr_t>(info.dli_saddr);
      return describe_symbol(info.dli_sname, offset, static_cast<const ElfW(Sym)*>(entry)->st_size,
                             out);
    }
    const char* slash = std::strrchr(info.dli_fname, '/');
    return print(out, "%s+%#zx", slash != nullptr ? slash + 1 : info.dli_fname,
                 static_cast<size_t>(site - reinterpret_cast<uintptr_t>(info.dli_fbase)));
  }

  Libdw libdw_{};
  Dwfl* dwfl_ = nullptr;
};

// Both never destroyed: a report may be the last thing a process does.
std::mutex& symbols_mutex() {
  static std::mutex& mutex = *new std::mutex;
  return mutex;
}
// Under the mutex.
Symbols& symbols_of_process() {
  static Symbols& symbols = *new Symbols;
  return symbols;
}

}  // namespace

SourceLine source_line(uintptr_t site) {
  SourceLine line;
  line.function = describe_address(site);
  line.function.resize(std::min(line.function.rfind("+0x"), line.function.size()));
  const std::lock_guard guard(symbols_mutex());
  symbols_of_process().find_line(site, line);
  return line;
}

size_t describe_address(uintptr_t site, std::span<char> out) {
  const std::lock_guard guard(symbols_mutex());
  Symbols& symbols = symbols_of_process();
  // The same few places make most reports, and looking one up takes microseconds.
  constexpr size_t kMostKnown = 4096;
  static auto& known = *new std::unordered_map<uintptr_t, std::string>;
  auto found = known.find(site);
  if (found == known.end()) {
    if (known.size() == kMostKnown) known.clear();
    std::array<char, 512> text;
    found = known.emplace(site, std::string(text.data(), symbols.describe(site, text))).first;
  }
  const std::string_view text = std::string_view(found->second).substr(0, out.size() - 1);
  *std::ranges::copy(text, out.begin()).out = '\0';
  return text.size();
}

std::string describe_address(uintptr_t site) {
  if (site == 0) return "nowhere";
  std::array<char, 256> text;
  return {text.data(), describe_address(site, text)};
}

std::string describe_stack(std::span<const uintptr_t> frames) {
  std::string text;
  for (const uintptr_t frame : frames) text += " " + describe_address(frame) + "\n";
  return text;
}

void StackTrace::print(std::FILE* out) const {
  for (const uintptr_t address : frames()) {
    char symbol[160];
    describe_address(address, symbol);
    std::fprintf(out, " [<%#zx>] %s\n", static_cast<size_t>(address), symbol);
  }
}

}  // namespace ring3
