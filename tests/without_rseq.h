#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cpu/rseq.h"

namespace ring3::test {

// This thread without an rseq area, as one that the C library did not start.
class WithoutRseq {
 public:
#if RING3_HAVE_RSEQ
  WithoutRseq() : done_(call(kUnregister)) {}
  ~WithoutRseq() { call(0); }
  bool done() const { return done_; }

 private:
  static constexpr int kUnregister = 1;
  static bool call(int flags) {
    auto* area = static_cast<char*>(__builtin_thread_pointer()) + __rseq_offset;
    // What glibc registered: 32 bytes before 2.40, whole 64-byte areas after.
    for (const unsigned bytes : {32u, 64u}) {
      if (syscall(SYS_rseq, area, bytes, flags, RSEQ_SIG) == 0) return true;
    }
    return false;
  }
  bool done_;
#else
  WithoutRseq() {}
  bool done() const { return false; }
#endif
};

}  // namespace ring3::test
