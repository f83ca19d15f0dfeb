#include "mm/pages/page_report.h"

#include <fmt/format.h>

#include "lib/cpu/task.h"
#include "lib/stack_trace.h"

namespace ring3::mm {
namespace {

const char* reason(PageMisuse misuse) {
  switch (misuse) {
    case PageMisuse::kOrderTooLarge:
      return "order is above the highest, 10";
    case PageMisuse::kConflictingZones:
      return "gfp flags name more than one zone";
    case PageMisuse::kConflictingTypes:
      return "gfp flags are both movable and reclaimable";
    case PageMisuse::kOutsideArena:
      return "address is not in the arena";
    case PageMisuse::kNotAligned:
      return "address is not aligned to a page";
    case PageMisuse::kNotHead:
      return "page is not the head of a block";
    case PageMisuse::kDoubleFree:
      return "page is free already";
    case PageMisuse::kWrongOrder:
      return "block was allocated with another order";
    case PageMisuse::kStillOwned:
      return "page is still in use by its owner";
    case PageMisuse::kLeaked:
      return "page is still allocated";
  }
  return "?";
}

const char* state_name(PageState state) {
  switch (state) {
    case PageState::kInterior:
      return "interior";
    case PageState::kBuddy:
      return "buddy";
    case PageState::kPcp:
      return "pcp";
    case PageState::kAllocated:
      return "allocated";
  }
  return "?";
}

const char* owner_name(PageOwner owner) {
  switch (owner) {
    case PageOwner::kNobody:
      return "none";
    case PageOwner::kSlab:
      return "slab";
    case PageOwner::kLargeKmalloc:
      return "large-kmalloc";
  }
  return "?";
}

// Where what became of `page` last was asked for. A tail was allocated and freed with a head, which
// is the nearest page before it that a block containing it could start at.
uintptr_t caller_of(const Memmap& memmap, const Page& page) {
  const Pfn pfn = memmap.pfn_of(page);
  for (Order order(0); order.valid(); order = order.higher()) {
    const Page& head = memmap.page(Pfn(align_down(pfn.value(), order.pages().value())));
    const uintptr_t caller = head.caller.load(std::memory_order_relaxed);
    if (caller != 0) return caller;
  }
  return 0;
}

}  // namespace

std::string bad_page_report(PageMisuse misuse, const Memmap& memmap, const Page& page, Order order,
                            uintptr_t caller) {
  // A page inside a block is what the block is: free if it has merged into a free one.
  const Page* block = block_of(memmap, page);
  const bool is_free = block == nullptr || block->state() != PageState::kAllocated;
  std::string within;
  if (block != nullptr && block != &page) {
    within = fmt::format("page lies in block pfn:{:05x} state:{} order:{} owner:{}\n",
                         memmap.pfn_of(*block).value(), state_name(block->state()),
                         block->order().value(), owner_name(block->owner()));
  }
  return fmt::format(
      "BUG: Bad page state in process {}  pfn:{:05x}\n"
      "page:{} state:{} order:{} owner:{}\n"
      "{}"
      "page dumped because: {} (asked with order {})\n"
      "page last {} at {}\n"
      "Call site: {}\n",
      Task::current().label(), memmap.pfn_of(page).value(), fmt::ptr(&page),
      state_name(page.state()), page.order().value(), owner_name(page.owner()), within,
      reason(misuse), order.value(), is_free ? "freed" : "allocated",
      describe_address(caller_of(memmap, page)), describe_address(caller));
}

std::string bad_address_report(const Memmap& memmap, const void* address, Order order,
                               uintptr_t caller) {
  const auto* start = static_cast<const std::byte*>(memmap.address_of(memmap.page(Pfn(0))));
  return fmt::format(
      "BUG: Bad page state in process {}  pfn:none\n"
      "page dumped because: {} (asked with order {}): {} lies outside [{}, {})\n"
      "Call site: {}\n",
      Task::current().label(), reason(PageMisuse::kOutsideArena), order.value(), address,
      fmt::ptr(start), fmt::ptr(start + memmap.size_bytes()), describe_address(caller));
}

std::string bad_request_report(PageMisuse misuse, Gfp gfp, Order order, uintptr_t caller) {
  return fmt::format(
      "WARNING: bad page request in process {}: order:{}, mode:{:#x}({})\n"
      "request refused because: {}\n"
      "Call site: {}\n",
      Task::current().label(), order.value(), gfp.bits(), to_string(gfp), reason(misuse),
      describe_address(caller));
}

}  // namespace ring3::mm
