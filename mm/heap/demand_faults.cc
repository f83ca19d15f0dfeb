#include "mm/heap/demand_faults.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "lib/check.h"
#include "lib/cpu/atomic.h"
#include "lib/cpu/raw_spinlock.h"

namespace ring3::mm {
namespace {

// Read by the handler, without a lock: a slot is the owner's of a window, whose faults come from
// it. Release and acquire: whoever finds a window finds it made.
std::array<Atomic<WindowBreak*>, DemandFaults::kMost> windows;
struct sigaction before;
RawSpinlock lock;
int users GUARDED_BY(lock) = 0;

WindowBreak* window_of(const void* address) {
  for (Atomic<WindowBreak*>& slot : windows) {
    WindowBreak* window = slot.load(std::memory_order_acquire);
    if (window != nullptr && window->contains(address)) return window;
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
  for (Atomic<WindowBreak*>& slot : windows) {
    if (slot.load(std::memory_order_relaxed) != nullptr) continue;
    slot.store(&heap, std::memory_order_release);
    return;
  }
  panic("more than %d windows have page faults at once", kMost);
}

DemandFaults::~DemandFaults() {
  RawSpinlockGuard guard(lock);
  for (Atomic<WindowBreak*>& slot : windows) {
    if (slot.load(std::memory_order_relaxed) == &heap_)
      slot.store(nullptr, std::memory_order_release);
  }
  if (--users == 0) sigaction(SIGSEGV, &before, nullptr);
}

}  // namespace ring3::mm
