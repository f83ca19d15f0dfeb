#pragma once

// Restartable sequences (Linux rseq(2), registered for each thread by glibc 2.35 and later): a few
// instructions that the kernel restarts from the top when the thread is preempted, migrated or
// interrupted by a signal before the last of them, the commit. Per-CPU data is then changed with
// plain loads and stores: no lock, no atomic instruction.
//
// Each function is one sequence on this CPU's cell of an array with a cell for each CPU number. A
// thread that the kernel gives no CPU number (it has no rseq area registered) and one whose number
// has no cell are refused.
//
// A restart begins at the top with whatever the registers hold by then, so a sequence sets every
// output itself, after the top: none is ever that of an earlier attempt. Whether it committed is
// left in the processor's flags, which the caller's branch reads; `asm goto` would do the same, but
// g++ 12 and clang 14 lose its outputs on some paths.
//
// They exist on x86-64 only, and never under TSan, which does not see what assembly does; callers
// ask percpu_mode() first and otherwise take a lock (lib/cpu/percpu.h).

#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && __has_include(<sys/rseq.h>)
#if defined(__has_feature)
#if !__has_feature(thread_sanitizer)
#define RING3_HAVE_RSEQ 1
#endif
#else
#define RING3_HAVE_RSEQ 1
#endif
#endif
#ifndef RING3_HAVE_RSEQ
#define RING3_HAVE_RSEQ 0
#endif

#if RING3_HAVE_RSEQ
#include <sys/rseq.h>
#endif

namespace ring3::rseq {

// An array of cells of 2^shift bytes, one for each CPU number below `cpus`.
struct Cells {
  std::byte* base;
  uint32_t shift;
  uint32_t cpus;
};

// The start of a cell that is a stack; its slots follow. The header is one word, {pops so far,
// depth}, and storing it is the commit of a push and of a pop: that counts both exactly, for
// nothing.
//
// `removed` is what left without a pop: the owner of a closed cell counts it.
//
// The gate says which depths a sequence may work on: a pop needs more than `floor`, a push less
// than `limit`. Open it is {0, capacity}. Closed, nothing passes, and the cell belongs to whoever
// closed it (PerCpuStack).
//
// A sequence reads the gate before the header: who opens it has stored the header before. The other
// way round, a header from before a drain could be acted upon after it.
struct StackCell {
  uint64_t header;
  uint64_t gate;  // floor, and in the upper half limit
  uint64_t removed;
};
inline constexpr unsigned kPopsShift = 16;
inline constexpr uint32_t kMaxDepth = 0xffff;
inline constexpr uint64_t kClosedGate = UINT32_MAX;
constexpr uint64_t open_gate(uint32_t capacity) { return uint64_t{capacity} << 32; }

#if RING3_HAVE_RSEQ

// False when the C library did not register this thread, as under Valgrind or with
// GLIBC_TUNABLES=glibc.pthread.rseq=0: a sequence would then restart for ever.
inline bool registered() {
  if (__rseq_size == 0) return false;
  const auto* area = reinterpret_cast<const struct rseq*>(
      static_cast<const char*>(__builtin_thread_pointer()) + __rseq_offset);
  return static_cast<int32_t>(*const_cast<const volatile uint32_t*>(&area->cpu_id)) >= 0;
}

// The table entry that tells the kernel where the sequence 1:..2: is and where to go (4:) when it
// must be restarted, and the first instructions: publish the entry, then load this CPU's number
// into
// %[cell]. The signature before 4: is what glibc registered. "?" puts both sections into the group
// of the function around them, so that the linker drops them with its copies.
#define RING3_RSEQ_BEGIN                             \
  ".pushsection __rseq_cs, \"aw?\"\n\t"              \
  ".balign 32\n\t"                                   \
  "3: .long 0, 0\n\t"                                \
  ".quad 1f, 2f - 1f, 4f\n\t"                        \
  ".popsection\n\t"                                  \
  ".pushsection .text.ring3_rseq_abort, \"ax?\"\n\t" \
  ".byte 0x0f, 0xb9, 0x3d\n\t"                       \
  ".long 0x53053053\n\t"                             \
  "4: jmp 0f\n\t"                                    \
  ".popsection\n\t"                                  \
  "0: leaq 3b(%%rip), %[cell]\n\t"                   \
  "movq %[cell], %[rseq_cs]\n\t"                     \
  "1: movl %[cpu_id], %k[cell]\n\t"
// From the number in %[cell] to the cell.
#define RING3_RSEQ_CELL         \
  "shlq %b[shift], %[cell]\n\t" \
  "addq %[base], %[cell]\n\t"

#define RING3_RSEQ_AREA \
  (reinterpret_cast<struct rseq*>(static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset))
#define RING3_RSEQ_INPUTS \
  [cpu_id] "m"(area->cpu_id), [cpus] "m"(cells.cpus), [shift] "c"(cells.shift), [base] "r"(base)

// Pops the newest entry, of 4 or 8 bytes, of the stack that begins `distance` bytes into the cell,
// into `out`. False, with `out` as anything, when there is none or the stack is closed.
template <class Entry>
[[gnu::always_inline]] inline bool stack_pop(const Cells& cells, Entry& out, size_t distance = 0) {
  static_assert(sizeof(Entry) == 4 || sizeof(Entry) == 8);
  struct rseq* area = RING3_RSEQ_AREA;
  const std::byte* base = cells.base + distance;
  uint64_t cell;
  uint64_t header;
  uint64_t depth;
  bool popped;
  // The floor is in %[out] until the entry is.
  // "Above" is neither the zero nor the carry flag: both ways out leave one of them, the commit
  // none.
#define RING3_STACK_POP(load)                                                      \
  asm volatile(RING3_RSEQ_BEGIN                                                    \
               "cmpl %k[cell], %[cpus]\n\t"                                        \
               "jbe 2f\n\t" RING3_RSEQ_CELL                                        \
               "movl 8(%[cell]), %k[out]\n\t"                                      \
               "movq (%[cell]), %[header]\n\t"                                     \
               "movzwl %w[header], %k[depth]\n\t"                                  \
               "cmpl %k[out], %k[depth]\n\t"                                       \
               "jbe 2f\n\t" load                                                   \
               "leaq 0xffff(%[header]), %[header]\n\t"                             \
               "movq %[header], (%[cell])\n\t"                                     \
               "2:\n\t"                                                            \
               : [cell] "=&r"(cell), [header] "=&r"(header), [depth] "=&r"(depth), \
                 [out] "=&r"(out), [rseq_cs] "=m"(area->rseq_cs), "=@cca"(popped)  \
               : RING3_RSEQ_INPUTS                                                 \
               : "memory")
  if constexpr (sizeof(Entry) == 8) {
    RING3_STACK_POP("movq 16(%[cell], %[depth], 8), %[out]\n\t");
  } else {
    RING3_STACK_POP("movl 20(%[cell], %[depth], 4), %[out]\n\t");
  }
#undef RING3_STACK_POP
  return popped;
}

// Pushes `entry` there; false when the stack is full or closed.
template <class Entry>
[[gnu::always_inline]] inline bool stack_push(const Cells& cells, Entry entry,
                                              size_t distance = 0) {
  static_assert(sizeof(Entry) == 4 || sizeof(Entry) == 8);
  struct rseq* area = RING3_RSEQ_AREA;
  const std::byte* base = cells.base + distance;
  uint64_t cell;
  uint64_t header;
  uint64_t depth;
  uint32_t limit;
  bool pushed;
  // The carry flag: both ways out clear it, and the commit comes only where "below" has set it. The
  // slot above the top is nobody's until then.
#define RING3_STACK_PUSH(store)                                                       \
  asm volatile(RING3_RSEQ_BEGIN                                                       \
               "cmpl %[cpus], %k[cell]\n\t"                                           \
               "jae 2f\n\t" RING3_RSEQ_CELL                                           \
               "movl 12(%[cell]), %[limit]\n\t"                                       \
               "movq (%[cell]), %[header]\n\t"                                        \
               "movzwl %w[header], %k[depth]\n\t"                                     \
               "cmpl %[limit], %k[depth]\n\t"                                         \
               "jae 2f\n\t" store                                                     \
               "leaq 1(%[header]), %[header]\n\t"                                     \
               "movq %[header], (%[cell])\n\t"                                        \
               "2:\n\t"                                                               \
               : [cell] "=&r"(cell), [header] "=&r"(header), [depth] "=&r"(depth),    \
                 [limit] "=&r"(limit), [rseq_cs] "=m"(area->rseq_cs), "=@ccc"(pushed) \
               : RING3_RSEQ_INPUTS, [entry] "r"(entry)                                \
               : "memory")
  if constexpr (sizeof(Entry) == 8) {
    RING3_STACK_PUSH("movq %[entry], 24(%[cell], %[depth], 8)\n\t");
  } else {
    RING3_STACK_PUSH("movl %[entry], 24(%[cell], %[depth], 4)\n\t");
  }
#undef RING3_STACK_PUSH
  return pushed;
}

// Closes this CPU's cell if its gate is `open`, and returns it: from then on it belongs to the
// caller, wherever that runs, since whoever was in the middle of a sequence here has been preempted
// and starts again at the closed gate. Null when the gate is not `open`.
inline StackCell* stack_close_own(const Cells& cells, uint64_t open) {
  struct rseq* area = RING3_RSEQ_AREA;
  const std::byte* base = cells.base;
  uint64_t cell;
  uint64_t gate;
  bool closed;
  // Locked, since another CPU may be closing the same cell. The way out in the cold clears the zero
  // flag: the stack pointer is not null.
  asm volatile(RING3_RSEQ_BEGIN
               "cmpl %[cpus], %k[cell]\n\t"
               "jae 5f\n\t" RING3_RSEQ_CELL
               ".pushsection .text.ring3_rseq_abort, \"ax?\"\n\t"
               "5: testq %%rsp, %%rsp\n\t"
               "jmp 2f\n\t"
               ".popsection\n\t"
               "movq %[open], %%rax\n\t"
               "lock cmpxchgq %[shut], 8(%[cell])\n\t"  // commit
               "2:\n\t"
               : [cell] "=&r"(cell), "=&a"(gate), [rseq_cs] "=m"(area->rseq_cs), "=@ccz"(closed)
               : RING3_RSEQ_INPUTS, [open] "r"(open), [shut] "r"(kClosedGate)
               : "memory");
  return closed ? reinterpret_cast<StackCell*>(cell) : nullptr;
}

// Adds `amount` to the 64-bit counter at `offset` in the cell; false when there is no cell.
inline bool counter_add(const Cells& cells, size_t offset, uint64_t amount) {
  struct rseq* area = RING3_RSEQ_AREA;
  const std::byte* base = cells.base;
  uint64_t cell;
  uint32_t refused;
  asm volatile(RING3_RSEQ_BEGIN
               "movl $1, %[refused]\n\t"
               "cmpl %[cpus], %k[cell]\n\t"
               "jae 2f\n\t" RING3_RSEQ_CELL
               "xorl %[refused], %[refused]\n\t"
               "addq %[amount], (%[cell], %[offset])\n\t"  // commit
               "2:\n\t"
               : [cell] "=&r"(cell), [refused] "=&r"(refused), [rseq_cs] "=m"(area->rseq_cs)
               : RING3_RSEQ_INPUTS, [offset] "r"(offset), [amount] "r"(amount)
               : "memory", "cc");
  return refused == 0;
}

#undef RING3_RSEQ_INPUTS
#undef RING3_RSEQ_CELL
#undef RING3_RSEQ_BEGIN
#undef RING3_RSEQ_AREA

#else

inline bool registered() { return false; }
template <class Entry>
bool stack_pop(const Cells&, Entry&, size_t = 0) {
  __builtin_unreachable();
}
template <class Entry>
bool stack_push(const Cells&, Entry, size_t = 0) {
  __builtin_unreachable();
}
inline StackCell* stack_close_own(const Cells&, uint64_t) { __builtin_unreachable(); }
inline bool counter_add(const Cells&, size_t, uint64_t) { __builtin_unreachable(); }

#endif

}  // namespace ring3::rseq
