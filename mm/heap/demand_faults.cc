#include "mm/heap/demand_faults.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>

#include "lib/check.h"
#include "lib/cpu/atomic.h"
#include "lib/cpu/raw_spinlock.h"

namespace ring3::mm {
namespace {

// A window, and the addresses [begin, end) that it has. The handler reads all slots without a lock,
// and touches no window but the one that the address lies in, which is the faulting thread's own:
// another thread's may be going at that moment.
//
// A slot that is empty begins beyond all addresses. Its end and its window are written while it is,
// and its beginning last; with release, so that who has read an end or a window that came later
// does not read the beginning from before again. So a beginning that is the same before and after
// says that what was read between belongs to it.
struct Slot {
  Atomic<uintptr_t> begin{UINTPTR_MAX};
  Atomic<uintptr_t> end{0};
  Atomic<WindowBreak*> window{nullptr};
};
std::array<Slot, DemandFaults::kMost> slots;
struct sigaction before;
RawSpinlock lock;
int users GUARDED_BY(lock) = 0;

WindowBreak* window_of(const void* address) {
  const auto at = reinterpret_cast<uintptr_t>(address);
  for (const Slot& slot : slots) {
    const uintptr_t begin = slot.begin.load(std::memory_order_acquire);
    if (at < begin) continue;
    const uintptr_t end = slot.end.load(std::memory_order_acquire);
    WindowBreak* window = slot.window.load(std::memory_order_acquire);
    if (at < end && slot.begin.load(std::memory_order_relaxed) == begin) return window;
  }
  return nullptr;
}

void say_segfault(const WindowBreak& window, const void* address) {
  std::array<char, 200> text;
  const auto at = reinterpret_cast<uintptr_t>(address);
  const int length = std::snprintf(
      text.data(), text.size(),
      "heap[%d]: segfault at %zx: %zu bytes above the program break at %zx\n", getpid(), at,
      static_cast<size_t>(at - reinterpret_cast<uintptr_t>(window.end())),
      reinterpret_cast<uintptr_t>(window.end()));
  if (write(STDERR_FILENO, text.data(), static_cast<size_t>(length)) < 0) return;
}

void on_fault(int number, siginfo_t* info, void* context) {
  const int saved = errno;
  if (WindowBreak* window = window_of(info->si_addr)) {
    const Touch touch = window->touch(info->si_addr, 1);
    if (touch == Touch::kMinorFault || touch == Touch::kResident) {
      errno = saved;
      return;
    }
    if (touch == Touch::kSegv) say_segfault(*window, info->si_addr);
  }
  errno = saved;
  const struct sigaction& next = before;
  if ((next.sa_flags & SA_SIGINFO) != 0) return next.sa_sigaction(number, info, context);
  if (next.sa_handler != SIG_DFL && next.sa_handler != SIG_IGN) return next.sa_handler(number);
  // The access is done again, and ends the process.
  sigaction(SIGSEGV, &next, nullptr);
}

}  // namespace

DemandFaults::DemandFaults(WindowBreak& heap) : heap_(heap) {
  RawSpinlockGuard guard(lock);
  if (users++ == 0) {
    struct sigaction action {};
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, &before);
  }
  const auto begin = reinterpret_cast<uintptr_t>(heap.start());
  for (Slot& slot : slots) {
    if (slot.begin.load(std::memory_order_relaxed) != UINTPTR_MAX) continue;
    slot.end.store(begin + heap.limit_bytes(), std::memory_order_release);
    slot.window.store(&heap, std::memory_order_release);
    slot.begin.store(begin, std::memory_order_release);
    return;
  }
  panic("more than %d windows have page faults at once", kMost);
}

DemandFaults::~DemandFaults() {
  RawSpinlockGuard guard(lock);
  for (Slot& slot : slots) {
    if (slot.begin.load(std::memory_order_relaxed) == reinterpret_cast<uintptr_t>(heap_.start())) {
      slot.begin.store(UINTPTR_MAX, std::memory_order_release);
    }
  }
  if (--users == 0) sigaction(SIGSEGV, &before, nullptr);
}

}  // namespace ring3::mm
