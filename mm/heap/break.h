#pragma once

// The program break (brk(2), sbrk(2)): the first address beyond a process's heap. Below it memory
// appears as it is touched; above it an access is a fault.
//
// Single-threaded: whoever owns it locks it.

#include <cstddef>
#include <cstdint>

#include "lib/units.h"

namespace ring3::mm {

// What came of touching memory.
enum class Touch : uint8_t {
  kResident,    // it was there already
  kMinorFault,  // below the break, and there now
  kSegv,        // below the start or above the break: SIGSEGV
  kNoMemory,    // below the break, but no page was to be had: the kernel would look for a victim
};

class Break {
 public:
  virtual ~Break() = default;
  Break(const Break&) = delete;
  Break& operator=(const Break&) = delete;

  // Moves the break to `end`. 0; or -1 (ENOMEM) and nothing has changed: `end` is below the start
  // or above the limit, or the host refuses. (Linux returns 0 for an end below the start and does
  // not move either, which helps nobody.)
  int brk(const void* end);
  // Moves the break by `increment`, up or down; 0 tells where it is. The break before, or (void*)-1
  // as above.
  void* sbrk(intptr_t increment);
  static inline void* const kSbrkFailed = reinterpret_cast<void*>(-1);

  std::byte* start() const { return start_; }
  std::byte* end() const { return end_; }
  size_t size_bytes() const { return static_cast<size_t>(end_ - start_); }
  size_t limit_bytes() const { return limit_bytes_; }
  // The highest it has been.
  size_t peak_bytes() const { return peak_bytes_; }
  // The lowest it has been since watch_lowest(): what lay above that is gone.
  std::byte* lowest_end() const { return lowest_end_; }
  void watch_lowest() { lowest_end_ = end_; }

  // An access to [address, address + bytes), bytes > 0: maps what is not there. The worst of what
  // came of its pages.
  virtual Touch touch(const void* address, size_t bytes) = 0;
  // Pages that appeared at a touch.
  uint64_t minor_faults() const { return minor_faults_; }

 protected:
  Break(std::byte* start, size_t limit_bytes)
      : start_(start), end_(start), limit_bytes_(limit_bytes), lowest_end_(start) {}

  // Makes [start, to) the heap, whose end is end() and will be `to`, within the limit. False when
  // the host refuses.
  virtual bool move(std::byte* to) = 0;

  // True when all of [address, address + bytes) is below the break.
  bool covers(const void* address, size_t bytes) const {
    const auto* from = static_cast<const std::byte*>(address);
    return from >= start_ && from <= end_ && bytes <= static_cast<size_t>(end_ - from);
  }
  void count_minor_fault() { ++minor_faults_; }

 private:
  bool move_to(uintptr_t end);

  std::byte* const start_;
  std::byte* end_;
  const size_t limit_bytes_;
  size_t peak_bytes_ = 0;
  std::byte* lowest_end_;
  uint64_t minor_faults_ = 0;
};

}  // namespace ring3::mm
