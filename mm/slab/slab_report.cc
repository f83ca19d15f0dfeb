#include "mm/slab/slab_report.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "lib/os.h"
#include "lib/stack_trace.h"

namespace ring3::mm {
namespace {

constexpr int kRulerWidth = 77;

std::string heading(std::string_view cache, std::string_view reason) {
  return fmt::format("{0:=>{2}}\nBUG {1}: ", "", cache, kRulerWidth) + std::string(reason) +
         fmt::format("\n{0:->{1}}\n\n", "", kRulerWidth);
}

std::string footing(uintptr_t caller) {
  std::array<char, 160> symbol;
  std::array<char, 16> name;
  describe_address(caller, symbol);
  os::thread_name(name);
  return fmt::format("CPU: {} PID: {} Comm: {}\nFreed by {}\n", os::current_cpu(), os::thread_id(),
                     name.data(), symbol.data());
}

}  // namespace

std::string object_report(std::string_view cache, std::string_view reason, const SlabFacts& slab,
                          const void* object, uintptr_t caller) {
  const auto offset = static_cast<const char*>(object) - static_cast<const char*>(slab.start);
  return heading(cache, reason) +
         fmt::format("Slab {} objects={} used={}\nObject {} @offset={}\n\n", slab.start,
                     slab.objects, slab.in_use, object, offset) +
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
