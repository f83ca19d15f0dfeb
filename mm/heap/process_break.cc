#include "mm/heap/process_break.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "lib/bits.h"
#include "lib/os.h"
#include "lib/result.h"

namespace ring3::mm {

Result<std::unique_ptr<ProcessBreak>> ProcessBreak::create(size_t limit_bytes) {
  void* now = ::sbrk(0);
  // From a page of its own on: what lies before it in this one is the C library's.
  const size_t rest = align_up(reinterpret_cast<uintptr_t>(now), os::page_bytes()) -
                      reinterpret_cast<uintptr_t>(now);
  if (now == kSbrkFailed || ::sbrk(static_cast<intptr_t>(rest)) != now) {
    return Error{Errc::kNoResource, "this process cannot move its break; raise `ulimit -d`"};
  }
  return std::unique_ptr<ProcessBreak>(
      new ProcessBreak(static_cast<std::byte*>(now) + rest, limit_bytes));
}

ProcessBreak::~ProcessBreak() { sbrk(-static_cast<intptr_t>(size_bytes())); }

bool ProcessBreak::move(std::byte* to) {
  if (::sbrk(0) != end()) return false;
  return ::sbrk(to - end()) == end();
}

bool ProcessBreak::is_resident(std::byte* page) const {
  unsigned char resident = 0;
  return mincore(page, 1, &resident) == 0 && (resident & 1) != 0;
}

Touch ProcessBreak::touch(const void* address, size_t bytes) {
  if (!covers(address, bytes)) return Touch::kSegv;
  const size_t page_bytes = os::page_bytes();
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(address) - start());
  Touch worst = Touch::kResident;
  for (size_t page = offset / page_bytes; page <= (offset + bytes - 1) / page_bytes; ++page) {
    std::byte* at = start() + page * page_bytes;
    if (is_resident(at)) continue;
    // As an atomic addition of nothing: a write that changes no byte.
    reinterpret_cast<volatile char&>(*at) = reinterpret_cast<volatile char&>(*at);
    count_minor_fault();
    worst = Touch::kMinorFault;
  }
  return worst;
}

}  // namespace ring3::mm
