#include "mm/mm.h"

namespace ring3::mm {

Result<std::unique_ptr<Memory>> Memory::create(const MemoryConfig& config) {
  auto pages = PageAllocator::create({.size_bytes = config.size_bytes,
                                      .lockdep = config.lockdep,
                                      .reports = config.reports,
                                      .topology = config.topology,
                                      .policy = config.policy,
                                      .zones = config.zones,
                                      .vm = config.vm,
                                      .memblock = config.memblock,
                                      .failures = config.failures,
                                      .mappable = config.mappable,
                                      .page_owner = config.page_owner,
                                      .filling = config.filling,
                                      .out_of_memory = config.out_of_memory});
  if (!pages) return pages.error();
  auto slabs = SlabAllocator::create(
      **pages, {.lockdep = config.lockdep, .reports = config.reports, .topology = config.topology});
  if (!slabs) return slabs.error();
  return std::unique_ptr<Memory>(new Memory(std::move(*pages), std::move(*slabs)));
}

Memory::~Memory() { close(); }

Leaks Memory::close() {
  if (closed_) return leaks_;
  closed_ = true;
  leaks_.objects = slabs_->shutdown();
  pages_->drain_all();
  leaks_.pages = pages_->report_leaks();
  return leaks_;
}

}  // namespace ring3::mm
