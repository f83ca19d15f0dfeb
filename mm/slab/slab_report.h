#pragma once

// Every text the slab layer writes, in the kernel's shapes.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "mm/pages/pages.h"

namespace ring3::mm {

class KmemCache;

// What a report says about the slab that an object lies in.
struct SlabFacts {
  std::string_view cache;
  const void* start;
  uint32_t objects;
  uint32_t in_use;
};

// "BUG <cache>: Object already free" and the like, about `object`, which `caller` frees into
// `cache`; `slab` is the one it lies in, which names another cache when it is another's.
std::string object_report(std::string_view cache, std::string_view reason, const SlabFacts& slab,
                          const void* object, uintptr_t caller);
// A pointer that is in no slab of `cache`.
std::string pointer_report(std::string_view cache, std::string_view reason, const void* object,
                           uintptr_t caller);
// "Objects remaining in <cache> on __kmem_cache_shutdown()" with the first of the `total` objects.
std::string remaining_report(std::string_view cache, uint64_t total,
                             std::span<const void* const> first);

// An object of whole pages that is in use at the end: where it is, its size, and who allocated it.
struct LargeObject {
  const void* start;
  size_t bytes;
  uintptr_t caller;
};
std::string large_remaining_report(uint64_t total, std::span<const LargeObject> first);

// __GFP_ZERO for a cache whose objects come as constructed.
std::string zeroed_constructor_report(std::string_view cache, uintptr_t caller);
// kmalloc with a zone flag that it has no caches for.
std::string zone_flag_report(Gfp gfp, Gfp used, uintptr_t caller);
// destroy_cache() of what is no cache.
std::string destroy_report(const void* cache, uintptr_t caller);

// The two heading lines of /proc/slabinfo, version 2.1.
std::string slabinfo_header();
// The counts of one cache.
struct SlabinfoRow {
  std::string_view name;
  uint64_t active_objects;
  uint64_t total_objects;
  size_t object_size;
  uint32_t objects_per_slab;
  uint64_t pages_per_slab;
  uint64_t slabs;
};
std::string slabinfo_line(const SlabinfoRow& row);

}  // namespace ring3::mm
