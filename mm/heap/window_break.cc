#include "mm/heap/window_break.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "lib/bits.h"

namespace ring3::mm {

static_assert(kPageSize == os::AddressWindow::kPageBytes, "a frame fills a page of the window");

Result<std::unique_ptr<WindowBreak>> WindowBreak::create(PageAllocator& pages, size_t limit_bytes) {
  if (!pages.mappable()) {
    return Error{Errc::kInvalidArgument,
                 "the pages of this memory cannot be mapped a second time; make it mappable"};
  }
  if (limit_bytes == 0 || limit_bytes > kMaxLimitBytes) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("a heap of up to {} bytes is not possible; use 1 to {}", limit_bytes,
                             kMaxLimitBytes)};
  }
  const size_t size = align_up(limit_bytes, kPageSize);
  Result<os::AddressWindow> window = os::AddressWindow::create(size);
  if (!window) return window.error();
  return std::unique_ptr<WindowBreak>(new WindowBreak(pages, std::move(*window), size));
}

WindowBreak::~WindowBreak() { sbrk(-static_cast<intptr_t>(size_bytes())); }

// Rising costs nothing. What lies wholly above a break that falls goes back.
bool WindowBreak::move(std::byte* to) {
  if (to > end()) return true;
  const size_t first = div_round_up(static_cast<size_t>(to - start()), kPageSize);
  const size_t last = div_round_up(size_bytes(), kPageSize);
  window_.unmap(first * kPageSize, (last - first) * kPageSize);
  for (size_t page = first; page < last; ++page) {
    if (frames_[page] == nullptr) continue;
    pages_.free_pages(std::exchange(frames_[page], nullptr), Order(0));
    resident_ -= PageCount(1);
  }
  return true;
}

Touch WindowBreak::touch(const void* address, size_t bytes) {
  if (!covers(address, bytes)) return Touch::kSegv;
  const auto offset = static_cast<size_t>(static_cast<const std::byte*>(address) - start());
  Touch worst = Touch::kResident;
  for (size_t page = offset / kPageSize; page <= (offset + bytes - 1) / kPageSize; ++page) {
    if (frames_[page] == nullptr) worst = std::max(worst, map_page(page));
  }
  return worst;
}

// A page fault: the frame is zeroed, since its last owner's bytes are nobody's business.
Touch WindowBreak::map_page(size_t page) {
  Page* frame = pages_.alloc_pages(kGfpKernel | kGfpFlagZero, Order(0));
  if (frame == nullptr) return Touch::kNoMemory;
  if (!window_.map(page * kPageSize, static_cast<std::byte*>(pages_.address_of(frame)))) {
    pages_.free_pages(frame, Order(0));
    return Touch::kNoMemory;
  }
  frames_[page] = frame;
  resident_ += PageCount(1);
  count_minor_fault();
  return Touch::kMinorFault;
}

}  // namespace ring3::mm
