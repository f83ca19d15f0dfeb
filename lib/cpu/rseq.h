#pragma once

// Restartable sequences (Linux rseq(2), registered for each thread by glibc 2.35 and later): a few
// instructions that the kernel restarts from the top when the thread is preempted, migrated or
// interrupted by a signal before the last of them, the commit. Per-CPU data is then changed with
// plain loads and stores: no lock, no atomic instruction.
//
// Each function is one sequence on this CPU's cell of a per-CPU array, `base + cpu * stride`, with
// cells for the CPU numbers below `cpus`. A thread that the kernel gives no CPU number (it has no
// rseq area registered) and one whose number has no cell are refused.
//
// A restart begins at the top with whatever the registers hold by then, so a sequence sets every
// output itself, after the top: none is ever that of an earlier attempt.
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

// The start of a cell of a per-CPU stack of pointers. The slots follow it. Only the CPU's own
// sequences write `count` and the slots, except while `stopped` is set, when the thread that set
// it does (PerCpuStack::drain).
//
// A sequence reads `stopped` before `count`: the thread that clears it has stored the count before.
// The other way round, a count from before the end of a drain could be acted upon after it.
struct StackHeader {
  uint32_t count;
  uint32_t stopped;
};

enum class Outcome : uint32_t {
  kDone,
  kRefused,  // empty or full, the cell is stopped, or there is none: take the slow path
};

// Every number that a CPU can have: for an array that has a cell for each of them.
inline constexpr uint32_t kAnyCpu = uint32_t{1} << 31;

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
// must be restarted, and the first instructions: publish the entry, be refused until something else
// is true, then load this CPU's cell address into %[cell]. The number is compared unsigned: "none"
// is -1. The signature before 4: is what glibc registered. "?" puts both sections into the group of
// the function around them, so that the linker drops them with its copies.
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
  "1: movl $1, %[outcome]\n\t"                       \
  "movl %[cpu_id], %k[cell]\n\t"                     \
  "cmpl %[cpus], %k[cell]\n\t"                       \
  "jae 2f\n\t"                                       \
  "imulq %[stride], %[cell]\n\t"                     \
  "addq %[base], %[cell]\n\t"

#define RING3_RSEQ_AREA \
  (reinterpret_cast<struct rseq*>(static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset))

static_assert(static_cast<uint32_t>(Outcome::kRefused) == 1, "what each attempt begins with");

// Pops the newest pointer into `out`; null when refused.
inline Outcome stack_pop(void* base, size_t stride, void*& out, uint32_t cpus = kAnyCpu) {
  struct rseq* area = RING3_RSEQ_AREA;
  uint64_t cell;
  uint64_t count;
  void* popped;
  uint32_t outcome;
  asm volatile(
      RING3_RSEQ_BEGIN
      "cmpl $0, 4(%[cell])\n\t"
      "jne 2f\n\t"
      "movl (%[cell]), %k[count]\n\t"
      "subl $1, %k[count]\n\t"
      "jc 2f\n\t"
      "movq 8(%[cell], %[count], 8), %[popped]\n\t"
      "xorl %[outcome], %[outcome]\n\t"
      "movl %k[count], (%[cell])\n\t"  // commit
      "2:\n\t"
      : [cell] "=&r"(cell), [count] "=&r"(count), [popped] "=&r"(popped), [outcome] "=&r"(outcome),
        [rseq_cs] "=m"(area->rseq_cs)
      : [cpu_id] "m"(area->cpu_id), [cpus] "g"(cpus), [stride] "r"(stride), [base] "r"(base)
      : "memory", "cc");
  const auto result = static_cast<Outcome>(outcome);
  out = result == Outcome::kDone ? popped : nullptr;
  return result;
}

// Pushes `pointer` unless the cell holds `capacity` already.
inline Outcome stack_push(void* base, size_t stride, uint32_t capacity, void* pointer,
                          uint32_t cpus = kAnyCpu) {
  struct rseq* area = RING3_RSEQ_AREA;
  uint64_t cell;
  uint64_t count;
  uint32_t outcome;
  asm volatile(RING3_RSEQ_BEGIN
               "cmpl $0, 4(%[cell])\n\t"
               "jne 2f\n\t"
               "movl (%[cell]), %k[count]\n\t"
               "cmpl %[capacity], %k[count]\n\t"
               "jae 2f\n\t"
               "movq %[pointer], 8(%[cell], %[count], 8)\n\t"  // above the top: nobody looks yet
               "addl $1, %k[count]\n\t"
               "xorl %[outcome], %[outcome]\n\t"
               "movl %k[count], (%[cell])\n\t"  // commit
               "2:\n\t"
               : [cell] "=&r"(cell), [count] "=&r"(count), [outcome] "=&r"(outcome),
                 [rseq_cs] "=m"(area->rseq_cs)
               : [cpu_id] "m"(area->cpu_id), [cpus] "g"(cpus), [stride] "r"(stride),
                 [base] "r"(base), [capacity] "r"(capacity), [pointer] "r"(pointer)
               : "memory", "cc");
  return static_cast<Outcome>(outcome);
}

// Adds `amount` to the 64-bit counter at `offset` in the cell.
inline Outcome counter_add(void* base, size_t stride, size_t offset, uint64_t amount,
                           uint32_t cpus = kAnyCpu) {
  struct rseq* area = RING3_RSEQ_AREA;
  uint64_t cell;
  uint32_t outcome;
  asm volatile(RING3_RSEQ_BEGIN
               "xorl %[outcome], %[outcome]\n\t"
               "addq %[amount], (%[cell], %[offset])\n\t"  // commit
               "2:\n\t"
               : [cell] "=&r"(cell), [outcome] "=&r"(outcome), [rseq_cs] "=m"(area->rseq_cs)
               : [cpu_id] "m"(area->cpu_id), [cpus] "g"(cpus), [stride] "r"(stride),
                 [base] "r"(base), [offset] "r"(offset), [amount] "r"(amount)
               : "memory", "cc");
  return static_cast<Outcome>(outcome);
}

#undef RING3_RSEQ_BEGIN
#undef RING3_RSEQ_AREA

#else

inline bool registered() { return false; }
inline Outcome stack_pop(void*, size_t, void*&, uint32_t = kAnyCpu) { __builtin_unreachable(); }
inline Outcome stack_push(void*, size_t, uint32_t, void*, uint32_t = kAnyCpu) {
  __builtin_unreachable();
}
inline Outcome counter_add(void*, size_t, size_t, uint64_t, uint32_t = kAnyCpu) {
  __builtin_unreachable();
}

#endif

}  // namespace ring3::rseq
