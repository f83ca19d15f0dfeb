#include "harness/heap/libc_run.h"

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <tsl/robin_map.h>
#include <unistd.h>

#include <climits>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "harness/heap/sane_calls.h"

namespace ring3::harness {
namespace {

uint64_t minor_faults() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_minflt);
}

size_t above(size_t now, size_t before) { return now > before ? now - before : 0; }

// glibc's malloc, watched: what is asked for, and the heap whenever it is higher than ever.
class WatchedMalloc {
 public:
  // At most `blocks` are there at once: the account must not use the heap that it is of.
  explicit WatchedMalloc(size_t blocks) {
    asked_of_.reserve(blocks + 1);
    mallopt(M_MMAP_THRESHOLD, INT_MAX);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    mallopt(M_TOP_PAD, 0);
    malloc_trim(0);
    is_glibc_ = counts_what_it_gives();
    if (is_glibc_) use_up_what_is_free();
    before_ = mallinfo2();
    start_ = peak_ = static_cast<std::byte*>(::sbrk(0));
  }
  // False when another's malloc is in its place.
  bool is_glibc() const { return is_glibc_; }
  const LibcRun& run() const { return run_; }

  void* malloc(size_t bytes) { return given(std::malloc(bytes), bytes); }
  void* calloc(size_t count, size_t bytes) {
    return given(std::calloc(count, bytes), count * bytes);
  }
  void* aligned_alloc(size_t alignment, size_t bytes) {
    return given(memalign(alignment, bytes), bytes);
  }
  void* realloc(void* data, size_t bytes) {
    const auto old = reinterpret_cast<uintptr_t>(data);
    const size_t old_bytes = forget(old);
    void* moved = std::realloc(data, bytes);
    if (moved != nullptr || bytes == 0) return given(moved, bytes);
    note(old, old_bytes);  // it stays
    return nullptr;
  }
  void free(void* data) {
    forget(reinterpret_cast<uintptr_t>(data));
    std::free(data);
  }
  size_t asked_of(const void* data) const {
    return asked_of_.at(reinterpret_cast<uintptr_t>(data));
  }

 private:
  static bool counts_what_it_gives() {
    const size_t before = mallinfo2().uordblks;
    void* block = std::malloc(100'000);
    asm volatile("" : : "r"(block) : "memory");  // the compiler knows malloc too
    const bool counted = mallinfo2().uordblks >= before + 100'000;
    std::free(block);
    return counted;
  }
  // Blocks of every size until the break rises for each: what the process had freed before serves
  // nobody now, and the program finds an empty heap.
  static void use_up_what_is_free() {
    constexpr size_t kLargestInCache = 1040;
    for (size_t bytes = 65'536; bytes >= 16;
         bytes = bytes > kLargestInCache ? bytes / 2 : bytes - 16) {
      const void* before = ::sbrk(0);
      while (::sbrk(0) == before) {
        void* block = std::malloc(bytes);
        asm volatile("" : : "r"(block) : "memory");
        if (block == nullptr) return;
      }
    }
  }

  void* given(void* data, size_t bytes) {
    if (data == nullptr) return nullptr;
    note(reinterpret_cast<uintptr_t>(data), bytes);
    auto* now = static_cast<std::byte*>(::sbrk(0));
    if (now > peak_) {
      peak_ = now;
      run_.peak_break_bytes = static_cast<size_t>(peak_ - start_);
      run_.free_bytes = above(mallinfo2().fordblks, before_.fordblks);
      run_.asked_bytes = asked_;
    }
    return data;
  }
  void note(uintptr_t data, size_t bytes) {
    if (data == 0) return;
    asked_of_[data] = bytes;
    asked_ += bytes;
  }
  // What was asked for of it.
  size_t forget(uintptr_t data) {
    const auto found = asked_of_.find(data);
    if (found == asked_of_.end()) return 0;
    const size_t bytes = found->second;
    asked_ -= bytes;
    asked_of_.erase(found);
    return bytes;
  }

  tsl::robin_map<uintptr_t, size_t> asked_of_;
  size_t asked_ = 0;
  bool is_glibc_;
  struct mallinfo2 before_ {};
  std::byte* start_;
  std::byte* peak_;
  LibcRun run_{};
};

std::optional<LibcRun> run_here(const HeapProgram& program, const std::vector<HeapCall>& calls) {
  std::vector<void*> variables(program.variables.size());
  WatchedMalloc malloc(variables.size());
  if (!malloc.is_glibc()) return std::nullopt;
  const uint64_t faults = minor_faults();
  for (const HeapCall& call : calls) {
    carry_out_sane(call, variables, malloc);
    void* made = call.returns_block() ? variables[call.to] : nullptr;
    if (program.uses_blocks && made != nullptr) std::memset(made, 1, malloc.asked_of(made));
  }
  LibcRun run = malloc.run();
  run.faults = minor_faults() - faults;
  return run;
}

}  // namespace

std::optional<LibcRun> run_on_libc(const HeapProgram& program, size_t most_bytes) {
  const std::vector<HeapCall> calls = sane_calls(program, most_bytes);
  int ends[2];
  if (pipe(ends) != 0) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const std::optional<LibcRun> run = run_here(program, calls);
    const bool told =
        run && write(ends[1], &*run, sizeof(*run)) == static_cast<ssize_t>(sizeof(*run));
    _exit(told ? 0 : 1);
  }
  close(ends[1]);
  LibcRun run{};
  const bool told =
      child > 0 && read(ends[0], &run, sizeof(run)) == static_cast<ssize_t>(sizeof(run));
  close(ends[0]);
  int status = 0;
  if (child > 0) waitpid(child, &status, 0);
  return told ? std::optional(run) : std::nullopt;
}

}  // namespace ring3::harness
