#pragma once

// The host, as the rest of ring3 sees it: the only files with system calls and raw mappings are
// this one and its implementation.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/result.h"
#include "lib/units.h"

namespace ring3::os {

// The numbers of the CPUs that this process may run on, ascending; empty when the host does not
// say.
std::vector<unsigned> allowed_cpus();
// How many CPUs the machine is configured with, at least 1.
unsigned configured_cpus();
// The CPU this thread runs on now; it may have moved by the time the answer is used.
unsigned current_cpu();

int thread_id();
// Copies this thread's name ("comm", at most 15 characters) into `out` as a string.
void thread_name(std::span<char, 16> out);
void set_thread_name(const char* name);

struct StackBounds {
  uintptr_t low;   // inclusive
  uintptr_t high;  // exclusive
};
// This thread's stack. The first call in a thread asks the C library, later ones do not.
StackBounds thread_stack();
// From now on this thread runs on another stack, a fiber's; returns the one before.
StackBounds exchange_thread_stack(StackBounds now);

Nanos monotonic_now();
// CPU time used by this thread.
Nanos thread_cpu_now();
// The bytes of one of the host's pages.
size_t page_bytes();
// Resident set size of this process in bytes; 0 where /proc is not mounted.
size_t resident_bytes();
// The first line of a file, without its end; empty when there is none.
std::string read_line(const char* path);

void yield();
void sleep_for(Nanos duration);

// Sleeps while `word` holds `expected`; may return early, so the caller re-checks.
void futex_wait(const std::atomic<uint32_t>& word, uint32_t expected);
// Wakes up to `waiters` threads that sleep on `word`.
void futex_wake(const std::atomic<uint32_t>& word, int waiters);

// True where membarrier(2) can interrupt restartable sequences; registers the process on the
// first call.
bool rseq_fence_supported();
// When this returns, every restartable sequence that was running on `cpu` when it was called has
// either committed or been restarted, and restarted ones see what the caller stored before.
void rseq_fence(unsigned cpu);

}  // namespace ring3::os
