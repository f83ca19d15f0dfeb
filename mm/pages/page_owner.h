#pragma once

// Who asked for each block last, and who gave it back: the kernel's page_owner
// (Documentation/mm/page_owner.rst). A record a frame, of which those of heads are written; what it
// costs is paid where PageAllocatorConfig::page_owner asks for it.

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/cpu/stack_depot.h"
#include "lib/reservation.h"
#include "lib/units.h"
#include "mm/pages/memmap.h"
#include "mm/pages/zone_facts.h"

namespace ring3::mm {

class PageOwners {
 public:
  // What is known of the block whose head a frame was last.
  struct Record {
    Order order;
    Gfp gfp;
    int32_t pid = 0;  // of who allocated it; -1: unknown
    int32_t tgid = 0;
    std::array<char, 16> comm{};
    int32_t free_pid = 0;
    Nanos allocated{0};  // 0: never
    Nanos freed{0};      // 0: not yet
    StackDepot::Handle allocated_by = StackDepot::kNone;
    StackDepot::Handle freed_by = StackDepot::kNone;

    Nanos last() const { return std::max(allocated, freed); }
    const char* comm_text() const { return comm.data(); }
  };

  // For `count` frames. kNoResource when the host refuses address space.
  static Result<PageOwners> create(PageCount count);

  // By whom the block was allocated, or is being freed: the current task, from `caller` (a return
  // address) on. For the block's one holder. Who may not wait may go without a stack.
  void allocated(Pfn head, Order order, Gfp gfp, uintptr_t caller, bool may_wait = true);
  void freed(Pfn head, uintptr_t caller, bool may_wait = true);
  // The upper half of a block that is split begins with the record of the whole.
  void split(Pfn head, Order order, Pfn piece, Order piece_order);

  // Of the block at `head`. May be a mixture of two when that changes hands meanwhile.
  Record of(Pfn head) const;
  // Of the block that `pfn` lies in, or that it lay in last; a Record that was never allocated when
  // there is none.
  Record of_page(const Memmap& memmap, Pfn pfn) const;
  std::span<const uintptr_t> frames(StackDepot::Handle handle) const {
    return depot_.frames(handle);
  }

 private:
  // As words, so that a report may read what somebody writes.
  static constexpr size_t kWords = 8;
  struct Words {
    uint64_t words[kWords];
  };

  PageOwners(os::Reservation memory, StackDepot depot);
  void write(Pfn head, const Record& record);

  os::Reservation memory_;
  StackDepot depot_;
  Words* records_;
};

// "page_owner tracks the page as allocated" and what follows in the kernel's reports: how and by
// whom the page at `pfn` was allocated last and freed last, with both stacks.
std::string page_owner_report(const PageOwners& owners, const Memmap& memmap, Pfn pfn);

// The text of debugfs' page_owner: a record for each allocated block, by address, in the form that
// the kernel's tools/mm/page_owner_sort reads. Nobody may allocate or free meanwhile.
std::string page_owner_text(const PageOwners& owners, const Memmap& memmap,
                            ZoneSet zones = ZoneSet::kX86_64);

// Of each zone that `facts` are of, by number and in order, the pageblocks in which a block lies
// that was asked for as another type than the pageblock's.
void count_mixed_pageblocks(const PageOwners& owners, const Memmap& memmap,
                            std::vector<ZoneFacts>& facts);

// The text of page_owner_stacks/show_stacks: each stack that has blocks in use, and how many base
// pages they are, those with most first.
std::string page_owner_stacks_text(const PageOwners& owners, const Memmap& memmap);

// The text of /proc/allocinfo: by the place that asked, bytes in use and the number of calls that
// they came from.
std::string allocinfo_text(const PageOwners& owners, const Memmap& memmap);

}  // namespace ring3::mm
