#include "lib/reservation.h"

#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "lib/asan.h"
#include "lib/bits.h"
#include "lib/check.h"
#include "lib/os.h"

namespace ring3::os {
namespace {

bool host_has_swap() {
  struct sysinfo info;
  return sysinfo(&info) != 0 || info.totalswap != 0;
}

// Pages of one question to mincore(); larger ranges are quicker dropped.
constexpr size_t kMostPagesAsked = 4096;

}  // namespace

// What one thread keeps.
struct Recycling::Shelf {
  explicit Shelf(Way how) : way(how) {}

  // Of exactly this size, at a multiple of the alignment; null when none is kept.
  std::byte* take(size_t size_bytes, size_t alignment_bytes) {
    for (Range& range : kept) {
      if (range.size_bytes != size_bytes ||
          !is_aligned(reinterpret_cast<uintptr_t>(range.base), alignment_bytes)) {
        continue;
      }
      std::byte* base = range.base;
      range = kept.back();
      kept.pop_back();
      make_zero(base, size_bytes);
      return base;
    }
    return nullptr;
  }

  void make_zero(std::byte* base, size_t size_bytes) const {
    asan_unpoison(base, size_bytes);
    const size_t page = page_bytes();
    const size_t pages = size_bytes / page;
    std::array<unsigned char, kMostPagesAsked> resident;
    if (way == Way::kDrop || pages > resident.size() ||
        mincore(base, size_bytes, resident.data()) != 0) {
      CHECK_EQ(madvise(base, size_bytes, MADV_DONTNEED), 0);
      return;
    }
    for (size_t i = 0; i < pages; ++i) {
      if ((resident[i] & 1) != 0) std::memset(base + i * page, 0, page);
    }
  }

  struct Range {
    std::byte* base;
    size_t size_bytes;
  };
  const Way way;
  std::vector<Range> kept;

  static constinit thread_local Shelf* of_thread;
};

constinit thread_local Recycling::Shelf* Recycling::Shelf::of_thread = nullptr;

Recycling::Recycling() : Recycling(host_has_swap() ? Way::kDrop : Way::kClear) {}

Recycling::Recycling(Way way) : shelf_(std::make_unique<Shelf>(way)) {
  CHECK(Shelf::of_thread == nullptr);
  Shelf::of_thread = shelf_.get();
}

Recycling::~Recycling() {
  Shelf::of_thread = nullptr;
  for (const Shelf::Range& range : shelf_->kept) munmap(range.base, range.size_bytes);
}

Reservation::Reservation(Reservation&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)),
      plain_(other.plain_) {}

Reservation& Reservation::operator=(Reservation&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(plain_, other.plain_);
  return *this;
}

Reservation::~Reservation() {
  if (base_ == nullptr) return;
  if (Recycling::Shelf* shelf = Recycling::Shelf::of_thread; shelf != nullptr && plain_) {
    shelf->kept.push_back({base_, size_bytes_});
  } else {
    munmap(base_, size_bytes_);
  }
}

void Reservation::prefer_huge_pages() { madvise(base_, size_bytes_, MADV_HUGEPAGE); }

void Reservation::forbid_first_page() {
  CHECK_EQ(mprotect(base_, page_bytes(), PROT_NONE), 0);
  plain_ = false;
}

Error cannot_reserve(size_t size_bytes, const char* reason) {
  return {Errc::kNoResource, "cannot reserve " + std::to_string(size_bytes) +
                                 " bytes of address space: " + reason +
                                 "; ask for less, or raise `ulimit -v`"};
}

Result<Reservation> reserve(size_t size_bytes, size_t alignment_bytes, Sharing sharing) {
  CHECK_GT(size_bytes, 0u);
  CHECK(is_power_of_two(alignment_bytes));
  const size_t page = page_bytes();
  const size_t slack = alignment_bytes > page ? alignment_bytes : 0;
  if (size_bytes > SIZE_MAX - slack - page) {
    return cannot_reserve(size_bytes, "larger than the address space");
  }
  const size_t size = align_up(size_bytes, page);
  const bool is_private = sharing == Sharing::kPrivate;
  if (Recycling::Shelf* shelf = Recycling::Shelf::of_thread; shelf != nullptr && is_private) {
    if (std::byte* base = shelf->take(size, alignment_bytes)) return Reservation(base, size, true);
  }

  // Map with slack for the alignment, then give back what lies before and after.
  void* mapped =
      mmap(nullptr, size + slack, PROT_READ | PROT_WRITE,
           (is_private ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return cannot_reserve(size_bytes, std::strerror(errno));
  const auto start = reinterpret_cast<uintptr_t>(mapped);
  const uintptr_t base = align_up(start, static_cast<uintptr_t>(alignment_bytes));
  const size_t before = base - start;
  const size_t after = slack - before;
  if (before != 0) munmap(mapped, before);
  if (after != 0) munmap(reinterpret_cast<void*>(base + size), after);
  return Reservation(reinterpret_cast<std::byte*>(base), size, is_private);
}

}  // namespace ring3::os
