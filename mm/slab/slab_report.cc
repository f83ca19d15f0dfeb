#include "mm/slab/slab_report.h"

#include <fmt/format.h>

#include <iterator>

#include "lib/cpu/task.h"
#include "lib/stack_trace.h"

namespace ring3::mm {
namespace {

constexpr int kRulerWidth = 77;

std::string heading(std::string_view cache, std::string_view reason) {
  return fmt::format("{0:=>{2}}\nBUG {1}: ", "", cache, kRulerWidth) + std::string(reason) +
         fmt::format("\n{0:->{1}}\n\n", "", kRulerWidth);
}

std::string footing(uintptr_t caller) {
  return fmt::format("{}\nFreed by {}\n", Task::current().whereabouts(), describe_address(caller));
}

}  // namespace

std::string object_report(std::string_view cache, std::string_view reason, const SlabFacts& slab,
                          const void* object, uintptr_t caller) {
  const auto offset = static_cast<const char*>(object) - static_cast<const char*>(slab.start);
  const bool foreign = slab.cache != cache;
  return heading(cache, reason) +
         fmt::format("Slab {} objects={} used={}{}{}\nObject {} @offset={}\n\n", slab.start,
                     slab.objects, slab.in_use, foreign ? " of cache " : "",
                     foreign ? slab.cache : "", object, offset) +
         footing(caller);
}

std::string pointer_report(std::string_view cache, std::string_view reason, const void* object,
                           uintptr_t caller) {
  return heading(cache, reason) + fmt::format("Object {} is in no slab of this cache\n\n", object) +
         footing(caller);
}

std::string remaining_report(std::string_view cache, uint64_t total,
                             std::span<const void* const> first) {
  std::string text =
      heading(cache, fmt::format("Objects remaining in {} on __kmem_cache_shutdown()", cache));
  for (const void* object : first) {
    fmt::format_to(std::back_inserter(text), "Object {}\n", object);
  }
  return text + fmt::format("{} objects remain, {} of them shown\n", total, first.size());
}

std::string large_remaining_report(uint64_t total, std::span<const LargeObject> first) {
  std::string text = heading("kmalloc", "Large objects remaining on shutdown");
  for (const LargeObject& object : first) {
    fmt::format_to(std::back_inserter(text), "Object {} size={} allocated by {}\n", object.start,
                   object.bytes, describe_address(object.caller));
  }
  return text + fmt::format("{} objects remain, {} of them shown\n", total, first.size());
}

std::string zeroed_constructor_report(std::string_view cache, uintptr_t caller) {
  return fmt::format(
      "WARNING: __GFP_ZERO for cache {}, which has a constructor: its objects come as constructed\n"
      "Call site: {}\n",
      cache, describe_address(caller));
}

std::string zone_flag_report(Gfp gfp, Gfp used, uintptr_t caller) {
  return fmt::format(
      "WARNING: Unexpected gfp: {:#x} ({}). Fixing up to gfp: {:#x} ({})\n"
      "Call site: {}\n",
      gfp.bits(), to_string(gfp), used.bits(), to_string(used), describe_address(caller));
}

std::string destroy_report(const void* cache, uintptr_t caller) {
  return fmt::format(
      "BUG: kmem_cache_destroy of {}, which is no cache of this memory or is destroyed already\n"
      "Call site: {}\n",
      cache, describe_address(caller));
}

std::string slabinfo_header() {
  return "slabinfo - version: 2.1\n"
         "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : "
         "tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> "
         "<sharedavail>\n";
}

std::string slabinfo_line(const SlabinfoRow& row) {
  return fmt::format(
      "{:<17} {:6} {:6} {:6} {:4} {:4} : tunables {:4} {:4} {:4} : slabdata {:6} {:6} {:6}\n",
      row.name, row.active_objects, row.total_objects, row.object_size, row.objects_per_slab,
      row.pages_per_slab, 0, 0, 0, row.slabs, row.slabs, 0);
}

}  // namespace ring3::mm
