#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lib/raw_spinlock.h"
#include "lib/stack_trace.h"

namespace ring3 {
namespace {

// The files this process is made of, with their symbol tables. Made at the first question and kept:
// what is loaded later has no symbols here.
class Symbols {
 public:
  Symbols() {
    static char* no_debug_path = nullptr;
    static const Dwfl_Callbacks kCallbacks{.find_elf = dwfl_linux_proc_find_elf,
                                           .find_debuginfo = no_debuginfo,
                                           .section_address = nullptr,
                                           .debuginfo_path = &no_debug_path};
    dwfl_ = dwfl_begin(&kCallbacks);
    if (dwfl_ == nullptr) return;
    dwfl_report_begin(dwfl_);
    dwfl_linux_proc_report(dwfl_, getpid());
    dwfl_report_end(dwfl_, nullptr, nullptr);
  }

  // A call site is where the call returns to, which for one that never does may be the next
  // function: the call itself is the byte before.
  size_t describe(uintptr_t site, std::span<char> out) {
    const uintptr_t address = site - 1;
    Dwfl_Module* module = dwfl_ == nullptr ? nullptr : dwfl_addrmodule(dwfl_, address);
    if (module == nullptr) return print(out, "%#zx", static_cast<size_t>(site));
    GElf_Off offset = 0;
    GElf_Sym symbol{};
    const char* name =
        dwfl_module_addrinfo(module, address, &offset, &symbol, nullptr, nullptr, nullptr);
    if (name != nullptr) return describe_symbol(name, offset + 1, symbol.st_size, out);
    GElf_Addr start = 0;
    const char* file =
        dwfl_module_info(module, nullptr, &start, nullptr, nullptr, nullptr, nullptr, nullptr);
    const char* slash = std::strrchr(file, '/');
    return print(out, "%s+%#zx", slash != nullptr ? slash + 1 : file,
                 static_cast<size_t>(site - start));
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

  Dwfl* dwfl_;
};

}  // namespace

size_t describe_address(uintptr_t site, std::span<char> out) {
  static RawSpinlock lock;
  RawSpinlockGuard guard(lock);
  // Never destroyed: a report may be the last thing a process does.
  static Symbols& symbols = *new Symbols;
  return symbols.describe(site, out);
}

}  // namespace ring3
