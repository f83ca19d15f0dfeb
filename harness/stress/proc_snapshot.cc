#include "harness/stress/proc_snapshot.h"

namespace ring3::harness {

std::vector<ProcFile> proc_snapshot(mm::Memory& memory) {
  const std::vector<mm::ZoneFacts> zones = memory.pages().zone_facts();
  std::vector<ProcFile> files = {{"buddyinfo", mm::buddyinfo_text(zones)},
                                 {"pagetypeinfo", mm::pagetypeinfo_text(zones)},
                                 {"zoneinfo", mm::zoneinfo_text(zones)},
                                 {"vmstat", mm::vmstat_text(zones, memory.pages().vm_events())},
                                 {"slabinfo", memory.slabs().slabinfo()},
                                 {"extfrag/unusable_index", mm::unusable_index_text(zones)},
                                 {"extfrag/extfrag_index", mm::extfrag_index_text(zones)}};
  const mm::Memblock& memblock = memory.pages().memblock();
  files.push_back({"memblock/memory", mm::memblock_text(memblock.memory())});
  files.push_back({"memblock/reserved", mm::memblock_text(memblock.reserved())});
  if (const mm::PageOwners* owners = memory.pages().owners()) {
    const mm::Memmap& memmap = memory.pages().memmap();
    files.push_back({"page_owner", mm::page_owner_text(*owners, memmap, memory.pages().zones())});
    files.push_back({"page_owner_stacks/show_stacks", mm::page_owner_stacks_text(*owners, memmap)});
    files.push_back({"allocinfo", mm::allocinfo_text(*owners, memmap)});
  }
  return files;
}

}  // namespace ring3::harness
