#include "harness/stress/proc_snapshot.h"

namespace ring3::harness {

std::vector<ProcFile> proc_snapshot(mm::Memory& memory) {
  const std::vector<mm::ZoneFacts> zones = memory.pages().zone_facts();
  return {{"buddyinfo", mm::buddyinfo_text(zones)},
          {"pagetypeinfo", mm::pagetypeinfo_text(zones)},
          {"zoneinfo", mm::zoneinfo_text(zones)},
          {"vmstat", mm::vmstat_text(zones)},
          {"slabinfo", memory.slabs().slabinfo()},
          {"extfrag/unusable_index", mm::unusable_index_text(zones)},
          {"extfrag/extfrag_index", mm::extfrag_index_text(zones)}};
}

}  // namespace ring3::harness
