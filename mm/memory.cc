#include "mm/memory.h"

namespace ring3::mm {

Result<std::unique_ptr<Memory>> Memory::create(const MemoryConfig& config) {
  auto pages = PageAllocator::create(
      {.size_bytes = config.size_bytes, .lockdep = config.lockdep, .reports = config.reports});
  if (!pages) return pages.error();
  auto slabs =
      SlabAllocator::create(**pages, {.lockdep = config.lockdep, .reports = config.reports});
  if (!slabs) return slabs.error();
  return std::unique_ptr<Memory>(new Memory(std::move(*pages), std::move(*slabs)));
}

Memory::~Memory() { close(); }

Leaks Memory::close() {
  if (closed_) return leaks_;
  closed_ = true;
  leaks_.objects = slabs_->shutdown();
  pages_->drain_all();
  // A leaked object keeps its slab; its pages are the cache's and not reported a second time.
  leaks_.pages = leaks_.objects == 0 ? pages_->report_leaks() : PageCount(0);
  return leaks_;
}

}  // namespace ring3::mm
