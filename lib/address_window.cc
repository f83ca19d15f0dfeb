#include "lib/address_window.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/check.h"
#include "lib/os.h"

namespace ring3::os {
namespace {

constexpr int kNowhere = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

}  // namespace

Result<AddressWindow> AddressWindow::create(size_t size_bytes) {
  CHECK(size_bytes > 0 && size_bytes % kPageBytes == 0);
  if (page_bytes() != kPageBytes) {
    return Error{Errc::kNoResource, "this host has no pages of 4096 bytes to map one by one"};
  }
  void* base = mmap(nullptr, size_bytes, PROT_NONE, kNowhere, -1, 0);
  if (base == MAP_FAILED) return cannot_reserve(size_bytes, std::strerror(errno));
  return AddressWindow(static_cast<std::byte*>(base), size_bytes);
}

AddressWindow::AddressWindow(AddressWindow&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

AddressWindow::~AddressWindow() {
  if (base_ != nullptr) munmap(base_, size_bytes_);
}

// mremap(2): of a shared mapping and an old size of 0, a second mapping of the same pages.
bool AddressWindow::map(size_t offset, std::byte* frame) {
  DCHECK(offset % kPageBytes == 0 && offset < size_bytes_);
  return mremap(frame, 0, kPageBytes, MREMAP_MAYMOVE | MREMAP_FIXED, base_ + offset) != MAP_FAILED;
}

void AddressWindow::unmap(size_t offset, size_t bytes) {
  DCHECK(offset % kPageBytes == 0 && bytes % kPageBytes == 0 && offset + bytes <= size_bytes_);
  if (bytes == 0) return;
  void* mapped = mmap(base_ + offset, bytes, PROT_NONE, kNowhere | MAP_FIXED, -1, 0);
  CHECK(mapped == base_ + offset);
}

}  // namespace ring3::os
