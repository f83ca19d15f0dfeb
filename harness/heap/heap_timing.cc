#include "harness/heap/heap_timing.h"

#include <malloc.h>

#include <cstdlib>

#include "harness/heap/sane_calls.h"
#include "lib/os.h"

namespace ring3::harness {
namespace {

struct Libc {
  static void* malloc(size_t bytes) { return std::malloc(bytes); }
  static void* calloc(size_t count, size_t bytes) { return std::calloc(count, bytes); }
  static void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
  static void* realloc(void* data, size_t bytes) { return std::realloc(data, bytes); }
  static void free(void* data) { std::free(data); }
};

template <class Malloc>
Nanos time_all(const std::vector<HeapCall>& calls, size_t count, Malloc& malloc) {
  std::vector<void*> variables(count);
  const Nanos start = os::monotonic_now();
  for (const HeapCall& call : calls) carry_out_sane(call, variables, malloc);
  const Nanos time = os::monotonic_now() - start;
  for (void* left : variables) malloc.free(left);
  return time;
}

}  // namespace

Nanos time_calls(const std::vector<HeapCall>& calls, size_t variables, mm::Heap& heap) {
  return time_all(calls, variables, heap);
}

Nanos time_calls_of_libc(const std::vector<HeapCall>& calls, size_t variables) {
  malloc_trim(0);
  Libc libc;
  return time_all(calls, variables, libc);
}

}  // namespace ring3::harness
