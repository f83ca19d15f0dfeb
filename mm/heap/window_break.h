#pragma once

// A break in a window of address space, whose pages are page frames of mm/pages: what the kernel's
// mm_struct and page table are to a process's heap. A frame is taken at the first touch of its
// page, is mapped there, and goes back when the break falls below it.

#include <memory>
#include <vector>

#include "lib/address_window.h"
#include "lib/result.h"
#include "mm/heap/break.h"
#include "mm/pages/pages.h"

namespace ring3::mm {

class WindowBreak final : public Break {
 public:
  // The break may rise to `limit_bytes`, which is rounded up to pages. Frames come from `pages`,
  // which outlives it and is mappable. kInvalidArgument when it is not, or for a limit of 0 or more
  // than kMaxLimitBytes; kNoResource when the host refuses.
  static Result<std::unique_ptr<WindowBreak>> create(PageAllocator& pages, size_t limit_bytes);
  static constexpr size_t kMaxLimitBytes = size_t{1} << 40;
  ~WindowBreak() override;

  Touch touch(const void* address, size_t bytes) override;

  PageCount resident_pages() const { return resident_; }

 private:
  WindowBreak(PageAllocator& pages, os::AddressWindow window, size_t limit_bytes)
      : Break(window.base(), limit_bytes),
        pages_(pages),
        window_(std::move(window)),
        frames_(window_.size_bytes() / kPageSize) {}

  bool move(std::byte* to) override;
  Touch map_page(size_t page);

  PageAllocator& pages_;
  os::AddressWindow window_;
  std::vector<Page*> frames_;  // the page table: by page of the window; null: not there
  PageCount resident_{0};
};

}  // namespace ring3::mm
