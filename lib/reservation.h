#pragma once

// Address space that costs nothing until it is touched: what arenas and tables that may grow large
// lie in.

#include <cstddef>
#include <memory>

#include "lib/result.h"

namespace ring3::os {

enum class Sharing {
  kPrivate,
  kShared,  // its pages can be mapped a second time, in an AddressWindow; a child of fork() shares
            // them
};

// A range of address space (MAP_NORESERVE), which reads as zero at first touch. Unmapped by the
// destructor.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation();

  std::byte* base() const { return base_; }
  size_t size_bytes() const { return size_bytes_; }

  // Asks the host for huge pages: a first touch may then take 2 MiB. Nothing happens where it has
  // none to give.
  void prefer_huge_pages();

  // From now on an access to its first host page faults.
  void forbid_first_page();

 private:
  friend class Recycling;
  friend Result<Reservation> reserve(size_t size_bytes, size_t alignment_bytes, Sharing sharing);
  Reservation(std::byte* base, size_t size_bytes, bool plain)
      : base_(base), size_bytes_(size_bytes), plain_(plain) {}
  std::byte* base_ = nullptr;
  size_t size_bytes_ = 0;
  bool plain_ = true;  // private, and no page is forbidden: can be recycled
};

// Reserves `size_bytes` > 0, rounded up to a host page, at a multiple of `alignment_bytes`, a power
// of two. kNoResource when the host refuses.
Result<Reservation> reserve(size_t size_bytes, size_t alignment_bytes,
                            Sharing sharing = Sharing::kPrivate);

// What is said when the host refuses `size_bytes` of address space: kNoResource.
Error cannot_reserve(size_t size_bytes, const char* reason);

// While it lives, what this thread no longer reserves is kept, and given again, all zeros again,
// where as much is asked for: for whoever makes the same machine thousands of times a second. Does
// not nest.
class Recycling {
 public:
  // How kept memory becomes zero again.
  enum class Way {
    kClear,  // pages that mincore() calls resident are written over; it knows of none that is
             // swapped
    kDrop,   // pages go back to the host (MADV_DONTNEED)
  };
  // The faster way where the host has no swap space.
  Recycling();
  explicit Recycling(Way way);
  ~Recycling();
  Recycling(const Recycling&) = delete;
  Recycling& operator=(const Recycling&) = delete;

 private:
  friend class Reservation;
  friend Result<Reservation> reserve(size_t size_bytes, size_t alignment_bytes, Sharing sharing);
  struct Shelf;

  const std::unique_ptr<Shelf> shelf_;
};

}  // namespace ring3::os
