#include "harness/stress/crash_handler.h"

#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace ring3::harness {
namespace {

constexpr unsigned kWatchdogSeconds = 5;
constexpr size_t kMaxFrames = 32;
constexpr size_t kMaxFiles = 64;

// A file of this process and where its code lies, noted when the handler is installed.
struct File {
  std::array<char, 48> name;
  uintptr_t base;
  uintptr_t start;
  uintptr_t end;
};
std::array<File, kMaxFiles> files;
size_t file_count = 0;
std::string_view crash_command;

int note_file(dl_phdr_info* info, size_t, void*) {
  if (file_count == files.size()) return 1;
  File& file = files[file_count];
  const std::string_view path = info->dlpi_name[0] != '\0' ? info->dlpi_name : "/proc/self/exe";
  std::string_view name = path.substr(path.rfind('/') + 1);
  if (name == "exe") name = program_invocation_short_name;
  name = name.substr(0, file.name.size() - 1);
  *std::copy(name.begin(), name.end(), file.name.begin()) = '\0';
  file.base = info->dlpi_addr;
  file.start = UINTPTR_MAX;
  file.end = 0;
  for (const ElfW(Phdr) & segment : std::span(info->dlpi_phdr, info->dlpi_phnum)) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    file.start = std::min<uintptr_t>(file.start, file.base + segment.p_vaddr);
    file.end = std::max<uintptr_t>(file.end, file.base + segment.p_vaddr + segment.p_memsz);
  }
  if (file.end != 0) ++file_count;
  return 0;
}

// One write(2) a line. Nothing can be done about a failed one in a crash.
class Line {
 public:
  Line& add(std::string_view text) {
    const size_t part = std::min(text.size(), buffer_.size() - length_);
    std::copy_n(text.begin(), part, buffer_.begin() + static_cast<ptrdiff_t>(length_));
    length_ += part;
    return *this;
  }
  Line& add_number(uint64_t value, unsigned base) {
    std::array<char, 24> digits;
    size_t at = digits.size();
    do {
      digits[--at] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    return add({digits.data() + at, digits.size() - at});
  }
  ~Line() {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, buffer_.data(), length_);
  }

 private:
  std::array<char, 512> buffer_;
  size_t length_ = 0;
};

// The kernel copies, so an address that is none is an error and not a second crash.
bool read_words(uintptr_t address, std::array<uintptr_t, 2>& words) {
  const iovec to{words.data(), sizeof words};
  const iovec from{reinterpret_cast<void*>(address), sizeof words};
  return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == static_cast<ssize_t>(sizeof words);
}

void print_frame(uintptr_t address) {
  Line line;
  line.add(" [<0x").add_number(address, 16).add(">]");
  for (const File& file : std::span(files).first(file_count)) {
    if (address < file.start || address >= file.end) continue;
    line.add(" ").add(file.name.data()).add("+0x").add_number(address - file.base, 16);
  }
  line.add("\n");
}

// From where the signal struck: the code's address, then the chain of frame pointers.
void print_stack(const ucontext_t& context) {
#if defined(__x86_64__)
  print_frame(static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RIP]));
  auto frame = static_cast<uintptr_t>(context.uc_mcontext.gregs[REG_RBP]);
  std::array<uintptr_t, 2> words;  // the caller's frame, and where it goes on
  for (size_t i = 0; i < kMaxFrames && read_words(frame, words) && words[1] != 0; ++i) {
    print_frame(words[1]);
    if (words[0] <= frame) break;
    frame = words[0];
  }
#else
  (void)context;
#endif
}

void on_crash(int number, siginfo_t*, void* context) {
  static std::atomic<bool> taken{false};
  // Should any of this hang, SIGALRM's own default ends the process.
  struct sigaction end {};
  end.sa_handler = SIG_DFL;
  sigaction(SIGALRM, &end, nullptr);
  sigset_t alarm_only;
  sigemptyset(&alarm_only);
  sigaddset(&alarm_only, SIGALRM);
  pthread_sigmask(SIG_UNBLOCK, &alarm_only, nullptr);
  alarm(kWatchdogSeconds);
  while (taken.exchange(true, std::memory_order_relaxed)) pause();  // another thread is at it

  Line().add("ring3: crashed by signal ").add_number(static_cast<unsigned>(number), 10).add("\n");
  Line().add("ring3: repeat its requests with: ").add(crash_command).add("\n");
  print_stack(*static_cast<const ucontext_t*>(context));
  // The signal, blocked until we return, then strikes where it struck first, with its own action.
  // (Put back only now: another thread's crash must not end us in the middle. One of our own would
  // find the signal blocked, and ends the process.)
  sigaction(number, &end, nullptr);
  pthread_kill(pthread_self(), number);
}

}  // namespace

CrashStack::CrashStack() {
  stack_t stack{};
  stack.ss_sp = memory_.data();
  stack.ss_size = memory_.size();
  sigaltstack(&stack, nullptr);
}

CrashStack::~CrashStack() {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
}

void install_crash_handler(const std::string& command) {
  crash_command = command;
  file_count = 0;
  dl_iterate_phdr(note_file, nullptr);
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
    struct sigaction current {};
    sigaction(number, nullptr, &current);
    if ((current.sa_flags & SA_SIGINFO) != 0 || current.sa_handler != SIG_DFL) continue;
    struct sigaction action {};
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(number, &action, nullptr);
  }
}

}  // namespace ring3::harness
