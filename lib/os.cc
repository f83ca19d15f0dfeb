#include "lib/os.h"

#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "lib/bits.h"
#include "lib/check.h"

namespace ring3::os {
namespace {

Nanos read_clock(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return seconds(t.tv_sec) + Nanos(t.tv_nsec);
}

// The CPUs this process may run on; as many words as the kernel's mask needs.
std::vector<cpu_set_t> affinity_mask() {
  for (size_t words = 1;; words *= 2) {
    std::vector<cpu_set_t> mask(words);
    const size_t bytes = words * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) == 0) return mask;
    if (errno != EINVAL || words == 64) return std::vector<cpu_set_t>(1);
  }
}

long membarrier(int command, unsigned flags, int cpu) {
  return syscall(SYS_membarrier, command, flags, cpu);
}

}  // namespace

std::vector<unsigned> allowed_cpus() {
  const std::vector<cpu_set_t> mask = affinity_mask();
  const size_t bytes = mask.size() * sizeof(cpu_set_t);
  std::vector<unsigned> cpus;
  for (unsigned cpu = 0; cpu < bytes * CHAR_BIT; ++cpu) {
    if (CPU_ISSET_S(cpu, bytes, mask.data())) cpus.push_back(cpu);
  }
  return cpus;
}

unsigned configured_cpus() {
  return static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF)));
}

unsigned current_cpu() {
  const int cpu = sched_getcpu();
  return cpu < 0 ? 0 : static_cast<unsigned>(cpu);
}

int thread_id() {
  static thread_local const int id = static_cast<int>(syscall(SYS_gettid));
  return id;
}

void thread_name(std::span<char, 16> out) {
  if (pthread_getname_np(pthread_self(), out.data(), out.size()) != 0) out[0] = '\0';
}

void set_thread_name(const char* name) {
  char shortened[16];
  std::snprintf(shortened, sizeof shortened, "%s", name);
  pthread_setname_np(pthread_self(), shortened);
}

namespace {

StackBounds& current_stack() {
  static thread_local StackBounds bounds = [] {
    pthread_attr_t attributes;
    void* low = nullptr;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
      pthread_attr_getstack(&attributes, &low, &size);
      pthread_attr_destroy(&attributes);
    }
    const auto start = reinterpret_cast<uintptr_t>(low);
    return StackBounds{start, start + size};
  }();
  return bounds;
}

}  // namespace

StackBounds thread_stack() { return current_stack(); }
StackBounds exchange_thread_stack(StackBounds now) { return std::exchange(current_stack(), now); }

Nanos monotonic_now() { return read_clock(CLOCK_MONOTONIC); }
Nanos thread_cpu_now() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

size_t page_bytes() {
  static const auto bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

size_t resident_bytes() {
  std::FILE* statm = std::fopen("/proc/self/statm", "re");
  if (statm == nullptr) return 0;
  size_t total_pages = 0;
  size_t resident_pages = 0;
  const int fields = std::fscanf(statm, "%zu %zu", &total_pages, &resident_pages);
  std::fclose(statm);
  return fields == 2 ? resident_pages * page_bytes() : 0;
}

std::string read_line(const char* path) {
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return {};
  std::string line;
  for (int c = std::fgetc(file); c != EOF && c != '\n'; c = std::fgetc(file)) {
    line += static_cast<char>(c);
  }
  std::fclose(file);
  return line;
}

void yield() { sched_yield(); }

void sleep_for(Nanos duration) {
  timespec left{duration / seconds(1), (duration.value() % seconds(1).value())};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

void futex_wait(const std::atomic<uint32_t>& word, uint32_t expected) {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

void futex_wake(const std::atomic<uint32_t>& word, int waiters) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, waiters, nullptr, nullptr, 0);
}

bool rseq_fence_supported() {
  static const bool supported =
      membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0) == 0;
  return supported;
}

void rseq_fence(unsigned cpu) {
  const long failed = membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU,
                                 static_cast<int>(cpu));
  CHECK_EQ(failed, 0);
}

}  // namespace ring3::os
