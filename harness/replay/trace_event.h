#pragma once

// An allocation event of a real kernel, as a trace records it.

#include <array>
#include <cstdint>
#include <string_view>

#include "mm/mm.h"

namespace ring3::harness {

enum class TraceEventKind : uint8_t {
  kMmPageAlloc,
  kMmPageFree,
  kKmalloc,
  kKfree,
  kKmemCacheAlloc,
  kKmemCacheFree,
};
inline constexpr size_t kTraceEventKinds = 6;
inline constexpr std::array<std::string_view, kTraceEventKinds> kTraceEventNames{
    "mm_page_alloc", "mm_page_free", "kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free"};

struct TraceEvent {
  TraceEventKind kind;
  uint8_t order = 0;      // of page events
  bool hidden = false;    // the kernel did not show the address: identity says nothing
  uint32_t cache = 0;     // of kmem_cache events: index in Trace::caches
  uint32_t bytes = 0;     // of object allocations: bytes_req
  mm::Gfp gfp;            // of allocations
  uint64_t identity = 0;  // the pfn or the object's address
};

constexpr bool is_page_event(TraceEventKind kind) { return kind <= TraceEventKind::kMmPageFree; }

}  // namespace ring3::harness
